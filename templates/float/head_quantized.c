// Logits of quantised rows: exact integer sums a block against H, the hidden state in 15 bits
// and a sign (docs/NUMERICS.md, "One token", 8). How H is laid out and a row is summed is the
// level's own affair.
#include "templates/float/lanes.h"
#include "templates/float/level.h"
#include "templates/float/rows.h"

// Prepared: float A / 32639; from byte 64 on
//   Q8_0   int16 H[k]
//   Q4_0, Q4_1, Q5_0, Q4_K, Q5_K
//          the same, where the level has kEvenFirst the even of each 32 before the odd ones; then
//          int32 sums of 32 of them each
//   Q6_K   a super-block in kPreparedBlock bytes: H = 256 high + low in two planes of signed
//          bytes, high[256], low[256], and what the level wants besides (prepare_extra)
enum { kPreparedBegin = 64, kPlane = 256, kExtra = 512 };

#if defined(__AVX512F__)
#include "templates/float/head_avx512.h"
#elif defined(__AVX2__)
#include "templates/float/head_avx2.h"
#else
#include "templates/float/head_portable.h"
#endif

// k % 32 == 0, so no padding is needed between words and sums.
int64_t bn_head_prepared_bytes(int32_t type, int64_t k) {
  if (type == BN_Q8_0) return kPreparedBegin + 2 * k;
  if (bn_is_nibbles(type)) return kPreparedBegin + 2 * k + (k / 32 * 4 + 63) / 64 * 64;
  if (type == BN_Q6_K) return kPreparedBegin + k / kQ6Block * kPreparedBlock;
  return 0;
}

typedef int16_t BnShorts16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef int16_t BnShorts16 __attribute__((ext_vector_type(16)));
typedef int16_t BnShorts8Memory __attribute__((ext_vector_type(8), aligned(1), may_alias));
typedef int8_t BnBytes16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef int8_t BnBytes16 __attribute__((ext_vector_type(16)));

void bn_head_prepare(int32_t type, const float* hidden, int64_t k, uint8_t* prepared) {
  if (bn_head_prepared_bytes(type, k) == 0) return;
  const float largest = bn_largest_size(hidden, k);
  const float a = largest > 1e-30f ? largest : 1e-30f;
  const float factor = 32639.0f / a;
  *(float*)prepared = a / 32639.0f;
  uint8_t* to = prepared + kPreparedBegin;
  for (int64_t i = 0; i < k; i += 16) {  // k % 16 == 0
    BnFloats16 whole = bn_rint16(bn_load16(hidden + i) * factor);
    whole = whole == whole ? whole : bn_splat16(0);
    const BnI16 h = __builtin_convertvector(whole, BnI16);
    if (type != BN_Q6_K) {
      const BnShorts16 words = __builtin_convertvector(h, BnShorts16);
      if (type == BN_Q8_0 || !kEvenFirst) {
        *(BnShorts16Memory*)(to + 2 * i) = words;
      } else {
        uint8_t* even = to + 2 * (i - i % 32) + i % 32;
        *(BnShorts8Memory*)even = words.even;
        *(BnShorts8Memory*)(even + 32) = words.odd;
      }
      if (type == BN_Q8_0) continue;
      int32_t* sum = (int32_t*)(to + 2 * k) + i / 32;
      *sum = (i % 32 ? *sum : 0) + __builtin_reduce_add(h);
      continue;
    }
    const BnI16 high = (h + 128) >> 8, low = h - (high << 8);  // both in -128..127
    uint8_t* block = to + i / kQ6Block * kPreparedBlock;
    *(BnBytes16Memory*)(block + i % kQ6Block) = __builtin_convertvector(high, BnBytes16);
    *(BnBytes16Memory*)(block + kPlane + i % kQ6Block) = __builtin_convertvector(low, BnBytes16);
    prepare_extra(block, i % kQ6Block, high, low);
  }
}

// kRowsAtOnce strips of rows side by side: a core that reads from several places keeps more of
// memory busy (an Intel Xeon, one thread: 84 % of the roof instead of 70 %; four neighbouring rows:
// 75 %).
BN_FLOAT_INLINE void strips_head(const BnHead* h, int32_t type) {
  const int64_t strip = (h->n1 - h->n0 + kRowsAtOnce - 1) / kRowsAtOnce;
  for (int64_t i = 0; i < strip; ++i) {
    const uint8_t* row[kRowsAtOnce];
    int64_t n[kRowsAtOnce];
    for (int r = 0; r < kRowsAtOnce; ++r) {
      const int64_t wanted = h->n0 + r * strip + i;
      n[r] = wanted < h->n1 ? wanted : h->n1 - 1;  // a strip that ends early: its last row again
      row[r] = h->rows + n[r] * h->row_bytes;
    }
    for (int64_t m = 0; m < h->tokens; ++m) {
      const uint8_t* prepared = h->prepared + m * h->ld_prepared;
      float chain[kRowsAtOnce];
      if (type == BN_Q6_K)
        q6_rows(row, h->k, prepared + kPreparedBegin, h->prefetch_bytes, chain);
      else
        nibble_rows(type, row, h->k, (const int16_t*)(prepared + kPreparedBegin),
                    (const int32_t*)(prepared + kPreparedBegin + 2 * h->k), h->prefetch_bytes,
                    chain);
      for (int r = 0; r < kRowsAtOnce; ++r)
        h->logits[m * h->ld_logits + n[r]] = chain[r] * *(const float*)prepared;
    }
  }
}

static void q8_head(const BnHead* h) {
  for (int64_t n = h->n0; n < h->n1; ++n) {
    for (int64_t m = 0; m < h->tokens; ++m) {
      const uint8_t* prepared = h->prepared + m * h->ld_prepared;
      const float chain = q8_row(h->rows + n * h->row_bytes, h->k,
                                 (const int16_t*)(prepared + kPreparedBegin), h->prefetch_bytes);
      h->logits[m * h->ld_logits + n] = chain * *(const float*)prepared;
    }
  }
}

void bn_head_quantized(const BnHead* h) {
  switch (h->type) {
    case BN_Q4_0:
      strips_head(h, BN_Q4_0);
      break;
    case BN_Q4_1:
      strips_head(h, BN_Q4_1);
      break;
    case BN_Q5_0:
      strips_head(h, BN_Q5_0);
      break;
    case BN_Q4_K:
      strips_head(h, BN_Q4_K);
      break;
    case BN_Q5_K:
      strips_head(h, BN_Q5_K);
      break;
    case BN_Q6_K:
      strips_head(h, BN_Q6_K);
      break;
    default:
      q8_head(h);
  }
}
