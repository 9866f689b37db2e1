// Attention of one token's query heads that share a kv head (docs/NUMERICS.md, "One token", 6).
//
// Scores: keys lie in lanes, one fma chain a key over d. Values: d lies in lanes, one chain a d
// over the keys. Both are register tiles of several query heads, so a converted cache vector is
// used once a head: without it F16 conversion takes as long as the arithmetic. During a block's
// scores the next block of K is fetched into L2, during its values the next of V: a block is 256 *
// head_size * 2 bytes and the hardware prefetcher alone loses half the speed.
#include "templates/float/lanes.h"
#include "templates/float/level.h"

enum { kBlock = 256 };  // keys
enum { kLanes = 16 };   // of a vector: keys in scores, dims in values

// Tiles: accumulators fill the level's registers without spilling. [heads in the tile - 1] ->
// vectors of 16.
#if defined(__AVX512F__)
enum {
  kHeads = 4,
  kKeyVectors1 = 8,
  kKeyVectors2 = 4,
  kKeyVectors4 = 2,
  kDimVectors1 = 8,
  kDimVectors2 = 8,
  kDimVectors4 = 4
};
#elif defined(__AVX2__) || defined(__aarch64__)
enum {
  kHeads = 4,
  kKeyVectors1 = 4,
  kKeyVectors2 = 2,
  kKeyVectors4 = 1,
  kDimVectors1 = 4,
  kDimVectors2 = 2,
  kDimVectors4 = 1
};
#else
enum { kHeads = 1, kKeyVectors1 = 1, kDimVectors1 = 1 };
#endif

BN_FLOAT_INLINE BnFloats16 load_cached(int type, const char* p) {
  return type == BN_KV_F16 ? bn_from_f16_16(bn_load16_halves(p)) : bn_load16(p);
}
BN_FLOAT_INLINE int64_t element_bytes(int type) { return type == BN_KV_F16 ? 2 : 4; }

// s[heads][kBlock] of `groups` groups of 16 keys; `ahead`: bytes from here to what is wanted next,
// 0 for nothing.
BN_FLOAT_INLINE void scores_tile(int heads, int groups, int type, const char* k, int64_t size,
                                 const float* q, int64_t ahead, float* s) {
  const int64_t step = kLanes * element_bytes(type), group_bytes = size * step;
  BnFloats16 acc[4][8];
#pragma clang loop unroll(full)
  for (int h = 0; h < heads; ++h) {
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; ++g) acc[h][g] = bn_splat16(0);
  }
  for (int64_t d = 0; d < size; ++d) {
    BnFloats16 key[8];
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; ++g) {
      const char* from = k + g * group_bytes + d * step;
      key[g] = load_cached(type, from);
      // A group's lines are fetched by halves of F16 twice; that costs less than the branch that
      // avoids it.
      if (ahead) __builtin_prefetch(from + ahead, 0, 2);
    }
#pragma clang loop unroll(full)
    for (int h = 0; h < heads; ++h) {
      const BnFloats16 query = bn_splat16(q[h * size + d]);
#pragma clang loop unroll(full)
      for (int g = 0; g < groups; ++g) acc[h][g] = bn_fma16(query, key[g], acc[h][g]);
    }
  }
#pragma clang loop unroll(full)
  for (int h = 0; h < heads; ++h) {
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; ++g) bn_store16(s + h * kBlock + g * kLanes, acc[h][g]);
  }
}

// All keys of a block for `heads` heads.
BN_FLOAT_INLINE void scores(int heads, int groups, int type, const char* k, int64_t size,
                            int64_t count, const float* q, int64_t ahead, float* s) {
  const int64_t group_bytes = size * kLanes * element_bytes(type);
  int64_t t = 0;
  for (; t + groups * kLanes <= count; t += groups * kLanes) {
    scores_tile(heads, groups, type, k + t / kLanes * group_bytes, size, q, ahead, s + t);
  }
  for (; t < count; t += kLanes) {
    scores_tile(heads, 1, type, k + t / kLanes * group_bytes, size, q, ahead, s + t);
  }
}

// o[heads][pitch] of `vectors` vectors of d: o = fma(o_block + 0, part, o * old), chains over the
// block's keys.
BN_FLOAT_INLINE void values_tile(int heads, int vectors, int type, const char* v, int64_t size,
                                 int64_t count, const float* p, const float* merge, int64_t ahead,
                                 int64_t pitch, float* o) {
  const int64_t step = kLanes * element_bytes(type), row_bytes = size * element_bytes(type);
  BnFloats16 acc[4][8];
#pragma clang loop unroll(full)
  for (int h = 0; h < heads; ++h) {
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; ++j) acc[h][j] = bn_splat16(0);
  }
  for (int64_t t = 0; t < count; ++t) {
    BnFloats16 value[8];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; ++j) {
      value[j] = load_cached(type, v + t * row_bytes + j * step);
      if (ahead && (type == BN_KV_F32 || j % 2 == 0)) {
        __builtin_prefetch(v + t * row_bytes + j * step + ahead, 0, 2);
      }
    }
#pragma clang loop unroll(full)
    for (int h = 0; h < heads; ++h) {
      const BnFloats16 weight = bn_splat16(p[h * kBlock + t]);
#pragma clang loop unroll(full)
      for (int j = 0; j < vectors; ++j) acc[h][j] = bn_fma16(weight, value[j], acc[h][j]);
    }
  }
#pragma clang loop unroll(full)
  for (int h = 0; h < heads; ++h) {
    const BnFloats16 old = bn_splat16(merge[2 * h]), part = bn_splat16(merge[2 * h + 1]);
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; ++j) {
      float* to = o + h * pitch + j * kLanes;
      bn_store16(to, bn_fma16(acc[h][j] + 0.0f, part, bn_load16(to) * old));
    }
  }
}

BN_FLOAT_INLINE void values(int heads, int vectors, int type, const char* v, int64_t size,
                            int64_t count, const float* p, const float* merge, int64_t ahead,
                            int64_t pitch, float* o) {
  int64_t d = 0;
  for (; d + vectors * kLanes <= pitch; d += vectors * kLanes) {
    values_tile(heads, vectors, type, v + d * element_bytes(type), size, count, p, merge, ahead,
                pitch, o + d);
  }
  // Lanes at and past head_size compute what nobody reads.
  for (; d < pitch; d += kLanes) {
    values_tile(heads, 1, type, v + d * element_bytes(type), size, count, p, merge, ahead, pitch,
                o + d);
  }
}

// Scores of one head's block -> p in place; the running (m, l), and how old and new parts weigh:
// merge = {old, new}.
BN_FLOAT_INLINE void softmax_block(float* s, int64_t count, float* m, float* l, float* merge) {
  const BnFloats16 none = bn_splat16(-__builtin_inff());
  const int64_t whole = count / kLanes * kLanes;
  const BnI16 present = bn_lanes16() < (BnI16)(int32_t)(count - whole);  // of the last group
  BnFloats16 largest = none;
  for (int64_t t = 0; t < whole; t += kLanes) largest = bn_max16(bn_load16(s + t), largest);
  if (whole < count) largest = bn_max16(present ? bn_load16(s + whole) : none, largest);
  const float m_block = bn_largest16(largest);
  BnLanes32 terms = bn_lanes32_zero();
  for (int64_t t = 0; t < count; t += kLanes) {
    BnFloats16 p = bn_exp16(bn_load16(s + t) - m_block);
    if (t == whole) p = present ? p : bn_splat16(0);
    bn_store16(s + t, p);
    if (t % 32 == 0) {
      terms.low = terms.low + p;
    } else {
      terms.high = terms.high + p;
    }
  }
  const float m_both = m_block > *m ? m_block : *m;
  const BnFloats16 parts = bn_exp16((BnFloats16){*m - m_both, m_block - m_both});
  merge[0] = parts[0];
  merge[1] = parts[1];
  *l = bn_fma(bn_lanes32_sum(terms), parts[1], *l * parts[0]);
  *m = m_both;
}

// A block's scores for all heads of the group: p[group][kBlock].
BN_FLOAT_INLINE void group_scores(int type, const char* k, int64_t group, int64_t size,
                                  int64_t count, const float* q, int64_t ahead, float* p) {
  for (int64_t h = 0; h < group;) {
    const int64_t next = h ? 0 : ahead;  // the first tile of heads fetches for all
    const float* query = q + h * size;
    float* s = p + h * kBlock;
#if !defined(__AVX2__) && !defined(__aarch64__)
    scores(1, kKeyVectors1, type, k, size, count, query, next, s), h += 1;
#else
    if (group - h >= 4) {
      scores(4, kKeyVectors4, type, k, size, count, query, next, s), h += 4;
    } else if (group - h >= 2) {
      scores(2, kKeyVectors2, type, k, size, count, query, next, s), h += 2;
    } else {
      scores(1, kKeyVectors1, type, k, size, count, query, next, s), h += 1;
    }
#endif
  }
}

// A block's values, merged into o[group][pitch].
BN_FLOAT_INLINE void group_values(int type, const char* v, int64_t group, int64_t size,
                                  int64_t count, const float* p, const float* merge, int64_t ahead,
                                  int64_t pitch, float* o) {
  for (int64_t h = 0; h < group;) {
    const int64_t next = h ? 0 : ahead;
    const float* weights = p + h * kBlock;
    const float* parts = merge + 2 * h;
    float* out = o + h * pitch;
#if !defined(__AVX2__) && !defined(__aarch64__)
    values(1, kDimVectors1, type, v, size, count, weights, parts, next, pitch, out), h += 1;
#else
    if (group - h >= 4) {
      values(4, kDimVectors4, type, v, size, count, weights, parts, next, pitch, out), h += 4;
    } else if (group - h >= 2) {
      values(2, kDimVectors2, type, v, size, count, weights, parts, next, pitch, out), h += 2;
    } else {
      values(1, kDimVectors1, type, v, size, count, weights, parts, next, pitch, out), h += 1;
    }
#endif
  }
}

// The types are told apart once a block: four combinations share two loops over keys and two over
// values.
void bn_attend(const BnAttend* a) {
  const int64_t size = a->head_size, group = a->group,
                pitch = (size + kLanes - 1) / kLanes * kLanes;
  const int64_t k_bytes = kBlock * size * element_bytes(a->k_type),  // of a block
      v_bytes = kBlock * size * element_bytes(a->v_type);
  float* o = a->scratch;             // [group][pitch]
  float* p = o + group * pitch;      // [group][kBlock]
  float* q = p + group * kBlock;     // [group][size], scaled
  float* merge = q + group * pitch;  // [group][2]
  float* m = merge + 2 * group;      // [group]
  float* l = m + group;              // [group]
#pragma clang loop vectorize(disable)
  for (int64_t i = 0; i < group * size; ++i) q[i] = a->q[i] * a->scale;
  for (int64_t i = 0; i < group * pitch; i += kLanes) bn_store16(o + i, bn_splat16(0));
#pragma clang loop vectorize(disable)
  for (int64_t h = 0; h < group; ++h) m[h] = -__builtin_inff(), l[h] = 0;

  const char* k = a->k;
  const char* v = a->v;
  for (int64_t begin = 0; begin < a->keys; begin += kBlock, k += k_bytes, v += v_bytes) {
    const int64_t left = a->keys - begin, count = left < kBlock ? left : kBlock;
    const int64_t k_ahead = left > kBlock ? k_bytes : 0, v_ahead = left > kBlock ? v_bytes : 0;
    if (a->k_type == BN_KV_F16) {
      group_scores(BN_KV_F16, k, group, size, count, q, k_ahead, p);
    } else {
      group_scores(BN_KV_F32, k, group, size, count, q, k_ahead, p);
    }
    for (int64_t h = 0; h < group; ++h)
      softmax_block(p + h * kBlock, count, m + h, l + h, merge + 2 * h);
    if (a->v_type == BN_KV_F16) {
      group_values(BN_KV_F16, v, group, size, count, p, merge, v_ahead, pitch, o);
    } else {
      group_values(BN_KV_F32, v, group, size, count, p, merge, v_ahead, pitch, o);
    }
  }
  for (int64_t h = 0; h < group; ++h) {
    const float r = 1.0f / l[h];
    for (int64_t d = 0; d < size; d += kLanes) {
      const BnFloats16 out = bn_load16(o + h * pitch + d) * r;
      if (d + kLanes <= size) {
        bn_store16(a->out + h * size + d, out);
      } else {
        bn_store16_part(a->out + h * size + d, size - d, out);
      }
    }
  }
}
