// The 32 virtual lanes of sum() (docs/NUMERICS.md), and the horizontal ends of other reductions.
#ifndef BITNET_TEMPLATES_FLOAT_LANES_H_
#define BITNET_TEMPLATES_FLOAT_LANES_H_

#include "templates/float_ops.h"

// low: lanes 0..15, high: lanes 16..31. Adding the products or terms of absent elements as +0
// changes at most the sign of a zero lane, and the +0 at the end takes that away.
typedef struct BnLanes32 {
  BnFloats16 low, high;
} BnLanes32;

BN_FLOAT_INLINE BnLanes32 bn_lanes32_zero(void) {
  return (BnLanes32){bn_splat16(0), bn_splat16(0)};
}

BN_FLOAT_INLINE float bn_lanes32_sum(BnLanes32 lanes) {
  typedef float F8 __attribute__((ext_vector_type(8)));
  typedef float F4 __attribute__((ext_vector_type(4)));
  typedef float F2 __attribute__((ext_vector_type(2)));
  const BnFloats16 a = lanes.low + lanes.high;
  const F8 b = (F8)a.lo + (F8)a.hi;
  const F4 c = (F4)b.lo + (F4)b.hi;
  const F2 d = (F2)c.lo + (F2)c.hi;
  return (d.x + d.y) + 0.0f;
}

// The largest of 16 lanes, none of which is NaN.
BN_FLOAT_INLINE float bn_largest16(BnFloats16 x) {
  typedef float F8 __attribute__((ext_vector_type(8)));
  typedef float F4 __attribute__((ext_vector_type(4)));
  const F8 a = x.lo > x.hi ? x.lo : x.hi;
  const F4 b = a.lo > a.hi ? a.lo : a.hi;
  const float c = b.x > b.z ? b.x : b.z, d = b.y > b.w ? b.y : b.w;
  return c > d ? c : d;
}

BN_FLOAT_INLINE BnFloats16 bn_abs16(BnFloats16 x) {
  return bn_from_bits16(bn_bits16(x) & 0x7fffffffu);
}

// max(|x|) of k elements, at least +0, NaN ignored.
BN_FLOAT_INLINE float bn_largest_size(const float* x, int64_t k) {
  BnFloats16 a = bn_splat16(0), b = a;
  int64_t i = 0;
  for (; i + 32 <= k; i += 32) {
    a = bn_max16(bn_abs16(bn_load16(x + i)), a);
    b = bn_max16(bn_abs16(bn_load16(x + i + 16)), b);
  }
  for (; i + 16 <= k; i += 16) a = bn_max16(bn_abs16(bn_load16(x + i)), a);
  if (i < k) b = bn_max16(bn_abs16(bn_load16_part(x + i, k - i, 0)), b);
  return bn_largest16(bn_max16(a, b));
}

#endif  // BITNET_TEMPLATES_FLOAT_LANES_H_
