// The head (logits of vocabulary rows) and embedding rows. Plain rows here; quantised rows in
// head_quantized.c.
#include "templates/float/lanes.h"
#include "templates/float/level.h"
#include "templates/float/rows.h"

// 16 elements of an F32, F16 or BF16 row.
BN_FLOAT_INLINE BnF16 load_row(int type, const uint8_t* p) {
  if (type == BN_F32) return bn_load16(p);
  return type == BN_F16 ? bn_from_f16_16(bn_load16_halves(p))
                        : bn_from_bf16_16(bn_load16_halves(p));
}

BN_FLOAT_INLINE float load_one(int type, const uint8_t* p) {
  if (type == BN_F32) {
    typedef float Unaligned __attribute__((aligned(1), may_alias));
    return *(const Unaligned*)p;
  }
  const uint16_t half = bn_row_u16(p);
  return type == BN_F16 ? bn_from_f16(half) : bn_from_bf16(half);
}

// One row against `tokens` hidden states: 64 elements an iteration (128 bytes of F16) and no
// prefetch: with any the F16 head is slower.
BN_FLOAT_INLINE void plain_row(int type, int tokens, const uint8_t* row, int64_t k,
                               const float* hidden, int64_t ld, float* logits, int64_t ld_logits) {
  const int64_t bytes = type == BN_F32 ? 4 : 2;
  BnLanes32 dot[4];
#pragma clang loop unroll(full)
  for (int m = 0; m < tokens; ++m) dot[m] = bn_lanes32_zero();
  int64_t i = 0;
  for (; i + 64 <= k; i += 64) {
    BnF16 w[4];
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; ++j) w[j] = load_row(type, row + (i + 16 * j) * bytes);
#pragma clang loop unroll(full)
    for (int m = 0; m < tokens; ++m) {
      const float* x = hidden + m * ld + i;
      dot[m].low = bn_fma16(w[0], bn_load16(x), dot[m].low);
      dot[m].high = bn_fma16(w[1], bn_load16(x + 16), dot[m].high);
      dot[m].low = bn_fma16(w[2], bn_load16(x + 32), dot[m].low);
      dot[m].high = bn_fma16(w[3], bn_load16(x + 48), dot[m].high);
    }
  }
  for (; i < k; i += 32) {  // at most twice
    float last[32], x[32];
#pragma clang loop unroll(disable) vectorize(disable)
    for (int64_t j = 0; j < 32; ++j)
      last[j] = i + j < k ? load_one(type, row + (i + j) * bytes) : 0.0f;
#pragma clang loop unroll(full)
    for (int m = 0; m < tokens; ++m) {
#pragma clang loop unroll(disable) vectorize(disable)
      for (int64_t j = 0; j < 32; ++j) x[j] = i + j < k ? hidden[m * ld + i + j] : 0.0f;
      dot[m].low = bn_fma16(bn_load16(last), bn_load16(x), dot[m].low);
      dot[m].high = bn_fma16(bn_load16(last + 16), bn_load16(x + 16), dot[m].high);
    }
  }
#pragma clang loop unroll(full)
  for (int m = 0; m < tokens; ++m) logits[m * ld_logits] = bn_lanes32_sum(dot[m]);
}

// Tokens in fours over the same row, which then lies in L1.
BN_FLOAT_INLINE void plain_head(const BnHead* h, int type) {
  for (int64_t n = h->n0; n < h->n1; ++n) {
    const uint8_t* row = h->rows + n * h->row_bytes;
    int64_t m = 0;
    for (; m + 4 <= h->tokens; m += 4) {
      plain_row(type, 4, row, h->k, h->hidden + m * h->ld_hidden, h->ld_hidden,
                h->logits + m * h->ld_logits + n, h->ld_logits);
    }
    for (; m < h->tokens; ++m) {
      plain_row(type, 1, row, h->k, h->hidden + m * h->ld_hidden, h->ld_hidden,
                h->logits + m * h->ld_logits + n, h->ld_logits);
    }
  }
}

void bn_head(const BnHead* h) {
  switch (h->type) {
    case BN_F32:
      plain_head(h, BN_F32);
      break;
    case BN_F16:
      plain_head(h, BN_F16);
      break;
    case BN_BF16:
      plain_head(h, BN_BF16);
      break;
    default:
      bn_head_quantized(h);
  }
}

// One row a token: plain loops do.
void bn_embed(int32_t type, const uint8_t* row, int64_t k, float* out) {
  if (type == BN_Q8_0) {
    for (int64_t i = 0; i < k; ++i) {
      const uint8_t* block = row + i / kQ8Block * kQ8Bytes;
      out[i] = bn_from_f16(bn_row_u16(block)) * (float)(int8_t)block[2 + i % kQ8Block];
    }
  } else if (type == BN_Q6_K) {
    for (int64_t i = 0; i < k; ++i) {
      const uint8_t* block = row + i / kQ6Block * kQ6Bytes;
      const float scale = bn_from_f16(bn_row_u16(block + kQ6D)) *
                          (float)(int8_t)block[kQ6Scales + i % kQ6Block / 16];
      out[i] = scale * (float)bn_q6_code(block, i % kQ6Block);
    }
  } else {
    const int64_t bytes = type == BN_F32 ? 4 : 2;
    for (int64_t i = 0; i < k; ++i) out[i] = load_one(type, row + i * bytes);
  }
}
