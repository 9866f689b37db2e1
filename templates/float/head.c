// The head: logits of vocabulary rows. Plain rows here; quantised rows in head_quantized.c.
#include "templates/float/lanes.h"
#include "templates/float/level.h"
#include "templates/float/rows.h"

// 16 elements of an F32, F16 or BF16 row.
BN_FLOAT_INLINE BnFloats16 load_row(int type, const uint8_t* p) {
  if (type == BN_F32) return bn_load16(p);
  return type == BN_F16 ? bn_from_f16_16(bn_load16_halves(p))
                        : bn_from_bf16_16(bn_load16_halves(p));
}

// `rows` rows against `tokens` hidden states, 64 elements an iteration. Two rows where lines are
// fetched ahead: each lane is one chain of fma, and a second row hides its latency.
BN_FLOAT_INLINE void plain_tile(int type, int rows, int tokens, const BnHead* h, int64_t n,
                                int64_t m) {
  const int64_t bytes = type == BN_F32 ? 4 : 2, k = h->k;
  const uint8_t* row = h->rows + n * h->row_bytes;
  const float* hidden = h->hidden + m * h->ld_hidden;
  BnLanes32 dot[2][4];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; ++r) {
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; ++t) dot[r][t] = bn_lanes32_zero();
  }
  int64_t i = 0;
  for (; i + 64 <= k; i += 64) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; ++r) {
      const uint8_t* from = row + r * h->row_bytes + i * bytes;
      if (rows > 1) {
        __builtin_prefetch(from + h->prefetch_bytes, 0, 3);
        __builtin_prefetch(from + h->prefetch_bytes + 64, 0, 3);
      }
      BnFloats16 w[4];
#pragma clang loop unroll(full)
      for (int j = 0; j < 4; ++j) w[j] = load_row(type, from + 16 * j * bytes);
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; ++t) {
        const float* x = hidden + t * h->ld_hidden + i;
        dot[r][t].low = bn_fma16(w[0], bn_load16(x), dot[r][t].low);
        dot[r][t].high = bn_fma16(w[1], bn_load16(x + 16), dot[r][t].high);
        dot[r][t].low = bn_fma16(w[2], bn_load16(x + 32), dot[r][t].low);
        dot[r][t].high = bn_fma16(w[3], bn_load16(x + 48), dot[r][t].high);
      }
    }
  }
  for (; i < k; i += 32) {  // at most twice
    for (int r = 0; r < rows; ++r) {
      float last[32], x[32];
#pragma clang loop unroll(disable) vectorize(disable)
      for (int64_t j = 0; j < 32; ++j) {
        last[j] = i + j < k ? bn_row_float(type, row + r * h->row_bytes + (i + j) * bytes) : 0.0f;
      }
      for (int t = 0; t < tokens; ++t) {
#pragma clang loop unroll(disable) vectorize(disable)
        for (int64_t j = 0; j < 32; ++j) x[j] = i + j < k ? hidden[t * h->ld_hidden + i + j] : 0.0f;
        dot[r][t].low = bn_fma16(bn_load16(last), bn_load16(x), dot[r][t].low);
        dot[r][t].high = bn_fma16(bn_load16(last + 16), bn_load16(x + 16), dot[r][t].high);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; ++r) {
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; ++t)
      h->logits[(m + t) * h->ld_logits + n + r] = bn_lanes32_sum(dot[r][t]);
  }
}

// Tokens in fours over the same row, which then lies in L1.
BN_FLOAT_INLINE void plain_head(const BnHead* h, int type) {
  int64_t n = h->n0;
  if (h->tokens == 1 && h->prefetch_bytes) {
    for (; n + 2 <= h->n1; n += 2) plain_tile(type, 2, 1, h, n, 0);
  }
  for (; n < h->n1; ++n) {
    int64_t m = 0;
    for (; m + 4 <= h->tokens; m += 4) plain_tile(type, 1, 4, h, n, m);
    for (; m < h->tokens; ++m) plain_tile(type, 1, 1, h, n, m);
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
