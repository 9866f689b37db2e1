// Rotary position embedding, and the writes to the KV cache.
#include "templates/float/level.h"

// 16 pairs (x0, x1).
BN_FLOAT_INLINE void rotate16(BnFloats16* x0, BnFloats16* x1, BnFloats16 cos, BnFloats16 sin) {
  const BnFloats16 y0 = bn_fma16(-*x1, sin, *x0 * cos);
  *x1 = bn_fma16(*x0, sin, *x1 * cos);
  *x0 = y0;
}

BN_FLOAT_INLINE void rotate_one(float* first, float* second, float cos, float sin) {
  const float x0 = *first, x1 = *second;
  *first = bn_fma(-x1, sin, x0 * cos);
  *second = bn_fma(x0, sin, x1 * cos);
}

void bn_rope(float* x, int64_t heads, int64_t head_size, int64_t dims, int neox, const float* cos,
             const float* sin) {
  const int64_t pairs = dims / 2;
  for (int64_t head = 0; head < heads; ++head, x += head_size) {
    int64_t i = 0;
    for (; i + 16 <= pairs; i += 16) {
      const BnFloats16 c = bn_load16(cos + i), s = bn_load16(sin + i);
      if (neox) {
        BnFloats16 x0 = bn_load16(x + i), x1 = bn_load16(x + pairs + i);
        rotate16(&x0, &x1, c, s);
        bn_store16(x + i, x0);
        bn_store16(x + pairs + i, x1);
      } else {
        const BnFloats16 a = bn_load16(x + 2 * i), b = bn_load16(x + 2 * i + 16);
        BnFloats16 x0 = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
                                                26, 28, 30);
        BnFloats16 x1 = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25,
                                                27, 29, 31);
        rotate16(&x0, &x1, c, s);
        bn_store16(x + 2 * i, __builtin_shufflevector(x0, x1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                                      21, 6, 22, 7, 23));
        bn_store16(x + 2 * i + 16, __builtin_shufflevector(x0, x1, 8, 24, 9, 25, 10, 26, 11, 27, 12,
                                                           28, 13, 29, 14, 30, 15, 31));
      }
    }
    for (; i < pairs; ++i) {
      rotate_one(x + (neox ? i : 2 * i), x + (neox ? pairs + i : 2 * i + 1), cos[i], sin[i]);
    }
  }
}

// NaN becomes 0, and ±65504 is the end.
BN_FLOAT_INLINE BnHalves16 cache_halves(BnFloats16 x) {
  x = x > 65504.0f ? bn_splat16(65504.0f) : x;
  x = x < -65504.0f ? bn_splat16(-65504.0f) : x;
  return bn_to_f16_16(x == x ? x : bn_splat16(0.0f));
}

// Element d goes to cache[first + d * step].
BN_FLOAT_INLINE void store(int32_t type, const float* x, int64_t head_size, int64_t first,
                           int64_t step, void* cache) {
  if (type == BN_KV_F32) {
    float* to = (float*)cache + first;
#pragma clang loop vectorize(disable)
    for (int64_t d = 0; d < head_size; ++d) to[d * step] = x[d];
    return;
  }
  uint16_t* to = (uint16_t*)cache + first;
  for (int64_t d = 0; d < head_size; d += 16) {
    const int64_t count = head_size - d < 16 ? head_size - d : 16;
    uint16_t halves[16];
    bn_store16_halves(
        halves, cache_halves(count == 16 ? bn_load16(x + d) : bn_load16_part(x + d, count, 0)));
#pragma clang loop vectorize(disable)
    for (int64_t j = 0; j < count; ++j) to[(d + j) * step] = halves[j];
  }
}

void bn_store_k(int32_t type, const float* x, int64_t head_size, int64_t t, void* k) {
  store(type, x, head_size, t / 16 * head_size * 16 + t % 16, 16, k);
}
void bn_store_v(int32_t type, const float* x, int64_t head_size, int64_t t, void* v) {
  store(type, x, head_size, t * head_size, 1, v);
}
