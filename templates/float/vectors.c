// Norm, quantisation and the elementwise functions.
#include "templates/float/lanes.h"
#include "templates/float/level.h"

typedef int8_t BnBytes16 __attribute__((ext_vector_type(16)));
typedef int8_t BnBytes16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));

void bn_rms_norm(const float* x, const float* g, int64_t k, float epsilon, float* y) {
  BnLanes32 squares = bn_lanes32_zero();
  int64_t i = 0;
  for (; i + 32 <= k; i += 32) {
    const BnFloats16 low = bn_load16(x + i), high = bn_load16(x + i + 16);
    squares.low = bn_fma16(low, low, squares.low);
    squares.high = bn_fma16(high, high, squares.high);
  }
  if (i + 16 <= k) {
    const BnFloats16 low = bn_load16(x + i);
    squares.low = bn_fma16(low, low, squares.low);
    if (i + 16 < k) {
      const BnFloats16 high = bn_load16_part(x + i + 16, k - i - 16, 0);
      squares.high = bn_fma16(high, high, squares.high);
    }
  } else if (i < k) {
    const BnFloats16 low = bn_load16_part(x + i, k - i, 0);
    squares.low = bn_fma16(low, low, squares.low);
  }
  const float r = 1.0f / __builtin_sqrtf(bn_lanes32_sum(squares) / (float)k + epsilon);
  for (i = 0; i + 16 <= k; i += 16) bn_store16(y + i, (bn_load16(x + i) * r) * bn_load16(g + i));
  if (i < k) {
    const BnFloats16 last = (bn_load16_part(x + i, k - i, 0) * r) * bn_load16_part(g + i, k - i, 0);
    bn_store16_part(y + i, k - i, last);
  }
}

BN_FLOAT_INLINE BnBytes16 quantize16(BnFloats16 x, float s) {
  BnFloats16 whole = bn_rint16(x * s);
  whole = whole > 127.0f ? bn_splat16(127.0f) : whole;
  whole = whole < -127.0f ? bn_splat16(-127.0f) : whole;
  whole = whole == whole ? whole : bn_splat16(0.0f);
  return __builtin_convertvector(__builtin_convertvector(whole, BnI16), BnBytes16);
}

// q = clamp(rint(x * s)).
BN_FLOAT_INLINE void quantize_by(const float* x, int64_t k, float s, int8_t* q) {
  int64_t i = 0;
  for (; i + 16 <= k; i += 16) *(BnBytes16Memory*)(q + i) = quantize16(bn_load16(x + i), s);
  if (i < k) {
    const BnBytes16 last = quantize16(bn_load16_part(x + i, k - i, 0), s);
    for (int64_t j = 0; i + j < k; ++j) q[i + j] = last[j];
  }
}

float bn_quantize(const float* x, int64_t k, int8_t* q) {
  const float largest = bn_largest_size(x, k);
  const float s = 127.0f / (largest > 1e-5f ? largest : 1e-5f);
  quantize_by(x, k, s, q);
  return s;
}

float bn_quantize_group(const float* x, int64_t k, int8_t* q) {
  const float largest = bn_largest_size(x, k);
  const int none = largest < 0x1p-120f;
  quantize_by(x, k, none ? 0.0f : 127.0f / largest, q);
  return none ? 0.0f : largest / 127.0f;
}

void bn_gate(const float* g, const float* u, int64_t n, int relu2, float* y) {
  for (int64_t i = 0; i < n; i += 16) {
    const int64_t count = n - i < 16 ? n - i : 16;
    const BnFloats16 gate = count == 16 ? bn_load16(g + i) : bn_load16_part(g + i, count, 0);
    const BnFloats16 up = count == 16 ? bn_load16(u + i) : bn_load16_part(u + i, count, 0);
    const BnFloats16 result = (relu2 ? bn_relu2_16(gate) : bn_silu16(gate)) * up;
    if (count == 16) {
      bn_store16(y + i, result);
    } else {
      bn_store16_part(y + i, count, result);
    }
  }
}

float bn_softmax_terms(const float* logits, int64_t n, float max, float* p) {
  float sum = 0;
  for (int64_t i = 0; i < n; i += 16) {
    const int64_t count = n - i < 16 ? n - i : 16;
    const BnFloats16 x = count == 16 ? bn_load16(logits + i) : bn_load16_part(logits + i, count, 0);
    const BnFloats16 term = bn_exp16(x - max);
    if (count == 16) {
      bn_store16(p + i, term);
    } else {
      bn_store16_part(p + i, count, term);
    }
    for (int64_t j = 0; j < count; ++j) sum = sum + p[i + j];
  }
  return sum;
}

float bn_ternary_dot(const int8_t* trits, const float* x, int64_t k) {
  BnLanes32 dot = bn_lanes32_zero();
  int64_t i = 0;
  for (; i + 32 <= k; i += 32) {
    const BnBytes16 low = *(const BnBytes16Memory*)(trits + i),
                    high = *(const BnBytes16Memory*)(trits + i + 16);
    dot.low = bn_fma16(__builtin_convertvector(low, BnFloats16), bn_load16(x + i), dot.low);
    dot.high = bn_fma16(__builtin_convertvector(high, BnFloats16), bn_load16(x + i + 16), dot.high);
  }
  if (i < k) {
    float w[32], last[32];
    for (int64_t j = 0; j < 32; ++j) {
      w[j] = i + j < k ? (float)trits[i + j] : 0.0f;
      last[j] = i + j < k ? x[i + j] : 0.0f;
    }
    dot.low = bn_fma16(bn_load16(w), bn_load16(last), dot.low);
    dot.high = bn_fma16(bn_load16(w + 16), bn_load16(last + 16), dot.high);
  }
  return bn_lanes32_sum(dot);
}
