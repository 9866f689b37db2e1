// Logits of Q8_0 and Q6_K rows: exact integer sums a block against H, the hidden state in 15 bits
// and a sign (docs/NUMERICS.md, "One token", 8). How H is laid out and a row is summed is the
// level's own affair.
#include "templates/float/lanes.h"
#include "templates/float/level.h"
#include "templates/float/rows.h"

// Prepared: float A / 32639; from byte 64 on
//   Q8_0   int16 H[k]
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

int64_t bn_head_prepared_bytes(int32_t type, int64_t k) {
  if (type == BN_Q8_0) return kPreparedBegin + (2 * k + 63) / 64 * 64;
  if (type == BN_Q6_K) return kPreparedBegin + k / kQ6Block * kPreparedBlock;
  return 0;
}

typedef int16_t BnShorts16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef int16_t BnShorts16 __attribute__((ext_vector_type(16)));
typedef int8_t BnBytes16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef int8_t BnBytes16 __attribute__((ext_vector_type(16)));

void bn_head_prepare(int32_t type, const float* hidden, int64_t k, uint8_t* prepared) {
  if (type != BN_Q8_0 && type != BN_Q6_K) return;
  const float largest = bn_largest_size(hidden, k);
  const float a = largest > 1e-30f ? largest : 1e-30f;
  const float factor = 32639.0f / a;
  *(float*)prepared = a / 32639.0f;
  uint8_t* to = prepared + kPreparedBegin;
  for (int64_t i = 0; i < k; i += 16) {  // k % 16 == 0
    BnFloats16 whole = bn_rint16(bn_load16(hidden + i) * factor);
    whole = whole == whole ? whole : bn_splat16(0);
    const BnI16 h = __builtin_convertvector(whole, BnI16);
    if (type == BN_Q8_0) {
      *(BnShorts16Memory*)(to + 2 * i) = __builtin_convertvector(h, BnShorts16);
      continue;
    }
    const BnI16 high = (h + 128) >> 8, low = h - (high << 8);  // both in -128..127
    uint8_t* block = to + i / kQ6Block * kPreparedBlock;
    *(BnBytes16Memory*)(block + i % kQ6Block) = __builtin_convertvector(high, BnBytes16);
    *(BnBytes16Memory*)(block + kPlane + i % kQ6Block) = __builtin_convertvector(low, BnBytes16);
    prepare_extra(block, i % kQ6Block, high, low);
  }
}

// kQ6Rows strips of rows side by side: a core that reads from several places keeps more of memory
// busy (an Intel Xeon, one thread: 84 % of the roof instead of 70 %; four neighbouring rows: 75 %).
static void q6_head(const BnHead* h) {
  const int64_t strip = (h->n1 - h->n0 + kQ6Rows - 1) / kQ6Rows;
  for (int64_t i = 0; i < strip; ++i) {
    const uint8_t* row[kQ6Rows];
    int64_t n[kQ6Rows];
    for (int r = 0; r < kQ6Rows; ++r) {
      const int64_t wanted = h->n0 + r * strip + i;
      n[r] = wanted < h->n1 ? wanted : h->n1 - 1;  // a strip that ends early: its last row again
      row[r] = h->rows + n[r] * h->row_bytes;
    }
    for (int64_t m = 0; m < h->tokens; ++m) {
      const uint8_t* prepared = h->prepared + m * h->ld_prepared;
      float chain[kQ6Rows];
      q6_rows(row, h->k, prepared + kPreparedBegin, h->prefetch_bytes, chain);
      for (int r = 0; r < kQ6Rows; ++r)
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
  if (h->type == BN_Q6_K) {
    q6_head(h);
  } else {
    q8_head(h);
  }
}
