// batch: many tokens by look-ups of whole vectors, for levels whose multiply-accumulate is slow.
// The tokens lie in the lanes. A byte of a chunk is the codes of four k of one row: it is the
// index of a table whose entries are the int16 sums of those four k for b tokens, so that a load
// and an add are 4 products for each of b tokens, and nothing is unpacked.
//   tables  4*k/16 of 81 entries, one for each byte of a row in a pass of k input features;
//           k=32 and b=32 touch 41 KB, which should fit L1
//   rows    up to 1536 at once share the tables: building costs as much as about 100 rows of
//           look-ups; their sums, 2*b and 4*b bytes a row, stay in L2
// Fewer tokens than pay for tables are served by register tiles of t rows x c tokens (tiles.h).
#include "templates/kernels/tiles.h"

enum {
  kBlockRows = 1536,
  kLeastRows = 64,  // that are worth tables
  kMostBatchVecs = 4,
  kExactChunks = 32767 / (kRowBytes * kPositions * 127)  // t2: 16 chunks, 32512
};

V_INLINE int batch_vecs(void) { return 2 * P_b / V_BYTES; }
V_INLINE int64_t entry_bytes(int vecs) { return vecs * V_BYTES; }
V_INLINE int64_t table_bytes(int vecs) { return kByteEntries * entry_bytes(vecs); }
V_INLINE int tables(void) { return P_k / kChunkK * kRowBytes; }

// How many tokens of `left` come next, and in how many vecs of an entry. Measured (avx2, b=32): all
// lanes cost as much as 20 tokens in tiles, half of them as much as 12.
V_INLINE int64_t next_tokens(int64_t left, int64_t rows, int64_t k, int* vecs) {
  *vecs = 0;
  if (k < P_k || rows < kLeastRows) {
    return min64(left, P_b);
  } else if (left >= P_b * 3 / 4) {
    *vecs = batch_vecs();
  } else if (batch_vecs() % 2 == 0 && left >= P_b * 3 / 8) {
    *vecs = batch_vecs() / 2;
  }
  return *vecs ? min64(left, *vecs * V_BYTES / 2) : left;
}

V_INLINE enum BnUnfit unfit(int64_t group) {
  if (tiles_unfit(group)) return tiles_unfit(group);
  if (P_b % (V_BYTES / 2) || kBlockRows % P_r) return BN_UNFIT_BATCH;
  if (batch_vecs() > kMostBatchVecs) return BN_UNFIT_REGISTERS;
  if (P_k <= 0 || P_k % kChunkK) return BN_UNFIT_BLOCK;
  if (group % P_k || group > kExactChunks * kChunkK) return BN_UNFIT_GROUP;
  if (P_b % 16 != 0 && group) return BN_UNFIT_GROUP;  // chain_panel
  return kExactChunks % (P_k / kChunkK) ? BN_UNFIT_INTERVAL : BN_FITS;
}

// The loop that works most is not the one that many tokens go through, so no count of its products.
// Up to b tokens fill all lanes, half of them, or tiles.
void BN_NAME(facts)(int64_t group, BnFacts* facts) {
  *facts = facts_of(unfit(group));
  facts->check_tokens = max64(P_b + 1, tile_check_tokens());
  facts->check_rows = round_up(kLeastRows, P_r);
  facts->check_k = max64(tile_check_k(), (kExactChunks + 1) * kChunkK + 1);
}

// Scratch, in this order.
typedef struct {
  uint8_t* tables;  // [tables()][kByteEntries] entries of the vecs in use
  int16_t* x;       // [k][b]: a pass's activations, tokens in lanes
  uint8_t* near;    // [kBlockRows][b] int16: sums of at most kExactChunks
  int32_t* far;     // [kBlockRows][b] results, tokens as v_sext16 leaves them; or what tiles need
  int32_t* dots;    // [r] of a token
  float* a;         // [b] of a group: the tokens' scales, as in far
  uint8_t* stage;   // [8] vecs of bytes, of transpose
  uint8_t* rest;    // of tiles
} Scratch;

V_INLINE Scratch scratch_of(uint8_t* at) {
  Scratch s;
  s.tables = at, at += tables() * table_bytes(batch_vecs());
  s.x = (int16_t*)at, at += P_k * 2 * P_b;
  s.near = at, at += kBlockRows * 2 * P_b;
  s.far = (int32_t*)at, at += kBlockRows * 4 * P_b;
  s.dots = (int32_t*)at, at += 4 * P_r;
  s.a = (float*)at, at += 4 * P_b;
  s.stage = at, at += 8 * V_BYTES;
  s.rest = at;
  return s;
}

void BN_NAME(sizes)(int64_t n, int64_t k, int64_t group, BnSizes* sizes) {
  group = group_of(group);
  *sizes = (BnSizes){.packed_bytes = packed_bytes(n, k, group),
                     .form_group_tokens = 1,
                     .form_group_bytes = form_bytes(k, group),
                     .scratch_bytes = tables() * table_bytes(batch_vecs()) +
                                      (P_k + 3 * kBlockRows) * 2 * P_b + 4 * P_r + 4 * P_b +
                                      8 * V_BYTES + tile_rest_bytes(k, group),
                     .exact_k = BN_MAX_K,
                     .row_step = P_r,
                     .token_step = 1,
                     .split = BN_SPLIT_ROWS};
}

// One chunk of a vec of tokens to int16 with the tokens in lanes, [kChunkK][b]. stage holds byte
// vecs, the k of token t in the first 128-bit lane of vec t, those of token 8 + t in the second, …
// A zip of the halves rotates the bits of a byte's index, token (3 bits) and k (4), by one: after
// three rounds a vec is two k of 8 tokens a lane.
V_INLINE void transpose_chunk(const uint8_t* stage, int16_t* out) {
  vec now[8], next[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; ++i) now[i] = v_load(stage + i * V_BYTES);
#pragma clang loop unroll(full)
  for (int round = 0; round < 3; ++round) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; ++i) {
      next[2 * i] = v_zip8_lo(now[i], now[i + 4]);
      next[2 * i + 1] = v_zip8_hi(now[i], now[i + 4]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; ++i) now[i] = next[i];
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; ++i) {
    const vec negative = v_test8(now[i], v_dup8(-128));
    v_store(out + 2 * i * P_b, v_zip8_lo(now[i], negative));
    v_store(out + (2 * i + 1) * P_b, v_zip8_hi(now[i], negative));
  }
}

// A pass's x of `tokens` tokens, ldx apart, to [k][b]; lanes past the last token are zero, and so
// are the first `skip` chunks.
V_INLINE void transpose(const int8_t* x, int64_t ldx, int64_t tokens, int skip, const int vecs,
                        uint8_t* stage, int16_t* out) {
#pragma clang loop unroll(disable)
  for (int c = 0; c < P_k / kChunkK; ++c)
#pragma clang loop unroll(disable)
    for (int m0 = 0; m0 < vecs * V_BYTES / 2; m0 += V_BYTES / 2) {
#pragma clang loop unroll(disable)
      for (int m = 0; m < V_BYTES / 2; ++m) {
        uint8_t* lane = stage + m % 8 * V_BYTES + m / 8 * 16;
        if (m0 + m < tokens && c >= skip)
          __builtin_memcpy(lane, x + (m0 + m) * ldx + c * kChunkK, kChunkK);
        else
          __builtin_memset(lane, 0, kChunkK);
      }
      transpose_chunk(stage, out + c * kChunkK * P_b + m0);
    }
}

// One vec of tokens of one table: entry c0 + R*(c1 + R*(c2 + R*c3)), R the radix, is the sum of
// (c - 1) * x over the codes' x, which are kRowBytes rows of [k][b] apart. Entries are `step` bytes
// apart.
V_INLINE void build_table(const int16_t* x, int64_t step, uint8_t* table) {
  const vec x0 = v_load(x), x1 = v_load(x + kRowBytes * P_b), x2 = v_load(x + 2 * kRowBytes * P_b),
            x3 = v_load(x + 3 * kRowBytes * P_b);
  vec sum3 = v_sub16(v_zero(), x3);
#pragma clang loop unroll(disable)
  for (int c3 = 0; c3 < 3; ++c3, sum3 = v_add16(sum3, x3)) {
    vec sum2 = v_sub16(sum3, x2);
#pragma clang loop unroll(disable)
    for (int c2 = 0; c2 < 3; ++c2, sum2 = v_add16(sum2, x2)) {
      vec sum1 = v_sub16(sum2, x1);
#pragma clang loop unroll(full)
      for (int c1 = 0; c1 < 3; ++c1, sum1 = v_add16(sum1, x1)) {
        uint8_t* entry = table + kByteRadix * (c1 + kByteRadix * (c2 + kByteRadix * c3)) * step;
        v_store(entry, v_sub16(sum1, x0));
        v_store(entry + step, sum1);
        v_store(entry + 2 * step, v_add16(sum1, x0));
      }
    }
  }
}

V_INLINE void build_tables(const Scratch* s, const int vecs) {
#pragma clang loop unroll(disable)
  for (int i = 0; i < tables(); ++i)
#pragma clang loop unroll(disable)
    for (int v = 0; v < vecs; ++v)
      build_table(s->x + (i / kRowBytes * kChunkK + i % kRowBytes) * P_b + v * V_BYTES / 2,
                  entry_bytes(vecs), s->tables + i * table_bytes(vecs) + v * V_BYTES);
}

// Adds a pass of a panel's rows to near.
V_INLINE void look_up(const uint8_t* chunk, const uint8_t* table, const int vecs, uint8_t* near) {
  prefetch_ahead(chunk, P_k / kChunkK * packing_chunk_bytes());
#pragma clang loop unroll(disable)
  for (int row = 0; row < P_r; ++row, chunk += kRowBytes, near += entry_bytes(vecs)) {
    vec sums[kMostBatchVecs];
#pragma clang loop unroll(full)
    for (int v = 0; v < vecs; ++v) sums[v] = v_load(near + v * V_BYTES);
#pragma clang loop unroll(full)
    for (int i = 0; i < tables(); ++i) {
      const uint64_t index = chunk[i / kRowBytes * packing_chunk_bytes() + i % kRowBytes];
      const uint8_t* entry = table + i * table_bytes(vecs) + index * (uint64_t)entry_bytes(vecs);
#pragma clang loop unroll(full)
      for (int v = 0; v < vecs; ++v) sums[v] = v_add16(sums[v], v_load(entry + v * V_BYTES));
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < vecs; ++v) v_store(near + v * V_BYTES, sums[v]);
  }
}

// A pass: k/16 chunks, from c of the group that begins at input feature k0, codes bytes into every
// panel, of all panels of the block. The first `skip` add nothing.
V_INLINE void pass(const BnRun* r, const Scratch* s, int64_t m0, int64_t tokens, int64_t n0,
                   int64_t rows, int64_t k0, int64_t codes, int64_t c, int skip, const int vecs) {
  const int64_t k = run_k(r), group = group_of(r->group);
  transpose(form_row(r->form, m0, k, group) + k0 + c * kChunkK, form_bytes(k, group), tokens, skip,
            vecs, s->stage, s->x);
  build_tables(s, vecs);
#pragma clang loop unroll(disable)
  for (int64_t n = 0; n < rows; n += P_r)
    look_up(packed_panel(r->packed, n0 + n, k, group) + codes + c * packing_chunk_bytes(),
            s->tables, vecs, s->near + n * entry_bytes(vecs));
}

V_INLINE void widen(const Scratch* s, int64_t rows, const int vecs) {
#pragma clang loop unroll(disable)
  for (int64_t row = 0; row < rows; ++row)
#pragma clang loop unroll(full)
    for (int v = 0; v < vecs; ++v) {
      const vec near = v_load(s->near + row * entry_bytes(vecs) + v * V_BYTES);
      int32_t* far = s->far + row * P_b + v * 2 * V_LANES;
      v_store(far, v_add32(v_load(far), v_sext16_lo(near)));
      v_store(far + V_LANES, v_add32(v_load(far + V_LANES), v_sext16_hi(near)));
    }
}
// Where widen leaves a token's sum.
V_INLINE int64_t place_of_token(int64_t m) {
  const int64_t lane = m % (V_BYTES / 2);
  return m - lane + lane / 8 * 4 + lane % 4 + lane % 8 / 4 * V_LANES;
}

// The chain's step of a group: far = fma(near * a, d, far) for a panel's rows, d its scales. A vec
// of tokens is 2 * V_LANES floats; where that is 8, every second vec goes along in 16.
V_INLINE void chain_panel(const Scratch* s, int64_t n, const uint16_t* d, const int vecs) {
#pragma clang loop unroll(disable)
  for (int row = 0; row < P_r; ++row) {
    int32_t wide[2 * kMostBatchVecs * V_LANES + 16];  // registers, where they are wide enough
    if (vecs * 2 * V_LANES % 16) bn_store16(wide + vecs * 2 * V_LANES - 8, bn_splat16(0));
#pragma clang loop unroll(full)
    for (int v = 0; v < vecs; ++v) {
      const vec near = v_load(s->near + (n + row) * entry_bytes(vecs) + v * V_BYTES);
      v_store(wide + v * 2 * V_LANES, v_sext16_lo(near));
      v_store(wide + v * 2 * V_LANES + V_LANES, v_sext16_hi(near));
    }
    const BnFloats16 scale = bn_splat16(bn_from_f16(d[row]));
    int32_t* far = s->far + (n + row) * P_b;
#pragma clang loop unroll(full)
    for (int i = 0; i < vecs * 2 * V_LANES; i += 16) {
      const BnFloats16 dot = __builtin_convertvector(bn_load16_i32(wide + i), BnFloats16);
      bn_store16(far + i, bn_fma16(dot * bn_load16(s->a + i), scale, bn_load16(far + i)));
    }
  }
}

// The same of all panels, with the scales of group g, codes bytes into every panel.
V_INLINE void chain(const BnRun* r, const Scratch* s, int64_t m0, int64_t tokens, int64_t n0,
                    int64_t rows, int64_t g, int64_t codes, const int vecs) {
  const int64_t k = run_k(r), group = group_of(r->group);
  for (int i = 0; i < P_b; ++i) s->a[i] = 0;
  for (int64_t m = 0; m < tokens; ++m)
    s->a[place_of_token(m)] = groups_of_row(form_row(r->form, m0 + m, k, group), k)[g].scale;
#pragma clang loop unroll(disable)
  for (int64_t n = 0; n < rows; n += P_r)
    chain_panel(s, n, group_weight_scales(packed_panel(r->packed, n0 + n, k, group) + codes, group),
                vecs);
}

// far of a block's rows. Without groups all of K is one, of as many intervals as near needs.
V_INLINE void batch_results(const BnRun* r, const Scratch* s, int64_t m0, int64_t tokens,
                            int64_t n0, int64_t rows, const int vecs) {
  const int64_t k = run_k(r), group = group_of(r->group), step = P_k / kChunkK;
  const int64_t all = packing_chunks(group ? group : k);
  for (int64_t i = 0; i < rows * batch_vecs() * 2; ++i) v_store(s->far + i * V_LANES, v_zero());
  for (int64_t g = 0; g < form_groups(k, group); ++g) {
    const int64_t codes = g * packing_group_bytes(group);
    for (int64_t c0 = 0; c0 < all; c0 += kExactChunks) {
      const int64_t c1 = min64(c0 + kExactChunks, all);
      for (int64_t i = 0; i < rows * vecs; ++i) v_store(s->near + i * V_BYTES, v_zero());
      for (int64_t c = c0; c < c1; c += step) {
        // Past the last chunk there may be bytes that are no codes: the last pass begins early.
        const int64_t begin = min64(c, all - step);
        pass(r, s, m0, tokens, n0, rows, g * group, codes, begin, (int)(c - begin), vecs);
      }
      if (group) {
        chain(r, s, m0, tokens, n0, rows, g, codes, vecs);
      } else {
        widen(s, rows, vecs);
      }
    }
  }
}

void BN_NAME(run)(const BnRun* r) {
  const Scratch s = scratch_of(r->scratch);
  const int64_t chunks = packing_chunks(run_k(r)), rows = r->n1 - r->n0;
  const int64_t blocks = (rows + kBlockRows - 1) / kBlockRows;
  for (int64_t m0 = r->m0, tokens; m0 < r->m1; m0 += tokens) {
    int vecs;
    tokens = next_tokens(r->m1 - m0, rows, run_k(r), &vecs);
    const TileTokens t = tile_tokens(r, m0, vecs ? 0 : tokens, s.rest);
    for (int64_t b = 0, n0 = r->n0, end; b < blocks; ++b, n0 = end) {
      end = b + 1 == blocks ? r->n1 : r->n0 + round_up(rows * (b + 1) / blocks, P_r);
      const int64_t padded = round_up(end - n0, P_r);
      if (vecs == batch_vecs()) {
        batch_results(r, &s, m0, tokens, n0, padded, batch_vecs());
      } else if (batch_vecs() % 2 == 0 && vecs) {
        batch_results(r, &s, m0, tokens, n0, padded, batch_vecs() / 2);
      }
      for (int64_t n = n0; n < end; n += P_r) {
        if (!vecs) tile_results(r, n, &t, chunks, s.far);
        for (int64_t m = 0; m < tokens; ++m) {
          const int32_t* results = s.far + m * P_r;
          if (vecs) {
            const int32_t* far = s.far + (n - n0) * P_b + place_of_token(m);
            for (int row = 0; row < P_r; ++row) s.dots[row] = far[row * P_b];
            results = s.dots;
          }
          bn_epilogue(r, group_of(r->group), m0 + m, n, results, min64(P_r, end - n));
        }
      }
    }
  }
}
