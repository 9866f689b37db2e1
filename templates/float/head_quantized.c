// Logits of Q8_0 and Q6_K rows: exact integer sums a block against H, the hidden state in 15 bits
// and a sign (docs/NUMERICS.md, "One token", 8).
//
// Prepared: float A / 32639; from byte 64 on
//   Q8_0   int16 H[k]
//   Q6_K   a super-block: H = 256 high + low in two planes of signed bytes, high[256], low[256],
//   and the sums of each
//          plane over 16 elements, int16 high[16], low[16]: they take the codes' offset of 32 out
//          of the dot products
#include "templates/float/lanes.h"
#include "templates/float/level.h"
#include "templates/float/rows.h"

enum { kPreparedBegin = 64, kPreparedBlock = 576, kPlane = 256, kSums = 512 };

int64_t bn_head_prepared_bytes(int32_t type, int64_t k) {
  if (type == BN_Q8_0) return kPreparedBegin + (2 * k + 63) / 64 * 64;
  if (type == BN_Q6_K) return kPreparedBegin + k / kQ6Block * kPreparedBlock;
  return 0;
}

typedef int16_t BnShorts16 __attribute__((ext_vector_type(16)));
typedef int16_t BnShorts16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));

void bn_head_prepare(int32_t type, const float* hidden, int64_t k, uint8_t* prepared) {
  if (type != BN_Q8_0 && type != BN_Q6_K) return;
  const float largest = bn_largest_size(hidden, k);
  const float a = largest > 1e-30f ? largest : 1e-30f;
  const float factor = 32639.0f / a;
  *(float*)prepared = a / 32639.0f;
  uint8_t* to = prepared + kPreparedBegin;
  for (int64_t i = 0; i < k; i += 16) {  // k % 16 == 0
    BnF16 whole = bn_rint16(bn_load16(hidden + i) * factor);
    whole = whole == whole ? whole : bn_splat16(0);
    const BnI16 h = __builtin_convertvector(whole, BnI16);
    if (type == BN_Q8_0) {
      *(BnShorts16Memory*)(to + 2 * i) = __builtin_convertvector(h, BnShorts16);
      continue;
    }
    const BnI16 high = (h + 128) >> 8, low = h - (high << 8);  // both in -128..127
    uint8_t* block = to + i / kQ6Block * kPreparedBlock;
    int sum_high = 0, sum_low = 0;
    for (int64_t j = 0; j < 16; ++j) {
      block[i % kQ6Block + j] = (uint8_t)high[j];
      block[kPlane + i % kQ6Block + j] = (uint8_t)low[j];
      sum_high += high[j];
      sum_low += low[j];
    }
    int16_t* sums = (int16_t*)(block + kSums);
    sums[i % kQ6Block / 16] = (int16_t)sum_high;
    sums[16 + i % kQ6Block / 16] = (int16_t)sum_low;
  }
}

#if defined(__AVX2__)
#include "templates/float/head_x86.h"
#else
#include "templates/float/head_portable.h"
#endif

static float q8_logit(const uint8_t* row, int64_t k, const uint8_t* prepared) {
  float logit = 0;
  for (int64_t i = 0; i < k; i += kQ8Block, row += kQ8Bytes) {
    const int32_t sum = q8_block_sum(row + 2, (const int16_t*)(prepared + kPreparedBegin) + i);
    logit = bn_fma((float)sum, bn_from_f16(bn_row_u16(row)), logit);
  }
  return logit * *(const float*)prepared;
}

static float q6_logit(const uint8_t* row, int64_t k, const uint8_t* prepared) {
  float logit = 0;
  const uint8_t* h = prepared + kPreparedBegin;
  for (int64_t i = 0; i < k; i += kQ6Block, row += kQ6Bytes, h += kPreparedBlock) {
    logit = bn_fma(q6_block_sum(row, h), bn_from_f16(bn_row_u16(row + kQ6D)), logit);
  }
  return logit * *(const float*)prepared;
}

void bn_head_quantized(const BnHead* h) {
  for (int64_t n = h->n0; n < h->n1; ++n) {
    const uint8_t* row = h->rows + n * h->row_bytes;
    for (int64_t m = 0; m < h->tokens; ++m) {
      const uint8_t* prepared = h->prepared + m * h->ld_prepared;
      h->logits[m * h->ld_logits + n] =
          h->type == BN_Q8_0 ? q8_logit(row, h->k, prepared) : q6_logit(row, h->k, prepared);
    }
  }
}
