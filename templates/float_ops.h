// The primitives of docs/NUMERICS.md for templates: 16 floats at a time, bit-identical at every ISA
// level, and the epilogue that every kernel ends with. C for clang, freestanding: no libm, nothing
// that becomes a call.
//
// A vector here is clang's own (ext_vector_type), which the compiler maps to what a level has: one
// AVX-512, two AVX, four SSE or NEON registers. Lanes are independent, so the width of the machine
// changes no result.
#ifndef BITNET_TEMPLATES_FLOAT_OPS_H_
#define BITNET_TEMPLATES_FLOAT_OPS_H_

#include <stdint.h>

#include "abi/kernel.h"

// Vectors are passed between inlined functions only, so it is no matter that their ABI differs
// between levels.
#pragma clang diagnostic ignored "-Wpsabi"

#define BN_FLOAT_INLINE static inline __attribute__((always_inline, unused))

typedef float BnFloats16 __attribute__((ext_vector_type(16)));
typedef int32_t BnI16 __attribute__((ext_vector_type(16)));
typedef uint32_t BnU16 __attribute__((ext_vector_type(16)));
typedef uint16_t BnHalves16 __attribute__((ext_vector_type(16)));  // bits of F16 or BF16
// The same in memory: any alignment, any type underneath.
typedef float BnFloats16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef float BnFloatMemory __attribute__((aligned(4), may_alias));
typedef int32_t BnI16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef uint16_t BnHalves16Memory __attribute__((ext_vector_type(16), aligned(1), may_alias));

BN_FLOAT_INLINE BnFloats16 bn_load16(const void* p) { return *(const BnFloats16Memory*)p; }
BN_FLOAT_INLINE void bn_store16(void* p, BnFloats16 x) { *(BnFloats16Memory*)p = x; }
BN_FLOAT_INLINE BnI16 bn_load16_i32(const void* p) { return *(const BnI16Memory*)p; }
BN_FLOAT_INLINE BnHalves16 bn_load16_halves(const void* p) { return *(const BnHalves16Memory*)p; }
BN_FLOAT_INLINE void bn_store16_halves(void* p, BnHalves16 x) { *(BnHalves16Memory*)p = x; }
BN_FLOAT_INLINE BnFloats16 bn_splat16(float x) { return (BnFloats16)x; }
BN_FLOAT_INLINE BnU16 bn_bits16(BnFloats16 x) { return (BnU16)x; }
BN_FLOAT_INLINE BnFloats16 bn_from_bits16(BnU16 x) { return (BnFloats16)x; }

BN_FLOAT_INLINE BnI16 bn_lanes16(void) {
  return (BnI16){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
}

// The first `count` (1..16) of a vector; the other lanes are `other`. Reads not a byte more.
BN_FLOAT_INLINE BnFloats16 bn_load16_part(const float* p, int64_t count, float other) {
  float lane[16];
#pragma clang loop vectorize(disable) unroll(disable)
  for (int64_t i = 0; i < 16; ++i) lane[i] = i < count ? p[i] : other;
  return bn_load16(lane);
}
BN_FLOAT_INLINE void bn_store16_part(float* p, int64_t count, BnFloats16 x) {
  float lane[16];
  bn_store16(lane, x);
#pragma clang loop vectorize(disable) unroll(disable)
  for (int64_t i = 0; i < count; ++i) p[i] = lane[i];
}

// fma(a, b, c) with one rounding. Without the instruction: the product is exact in double; TwoSum
// gives the sum and its exact error; the sum is rounded to odd, so that the final rounding to float
// sees on which side of a tie it lay (Boldo and Melquiond, "Emulation of FMA and correctly rounded
// sums", 2008).
#if defined(__FMA__) || defined(__aarch64__)
BN_FLOAT_INLINE BnFloats16 bn_fma16(BnFloats16 a, BnFloats16 b, BnFloats16 c) {
  return __builtin_elementwise_fma(a, b, c);
}
BN_FLOAT_INLINE float bn_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
typedef float BnF4 __attribute__((ext_vector_type(4), aligned(1), may_alias));
typedef double BnD4 __attribute__((ext_vector_type(4)));
typedef int64_t BnL4 __attribute__((ext_vector_type(4)));
BN_FLOAT_INLINE BnFloats16 bn_fma16(BnFloats16 a, BnFloats16 b, BnFloats16 c) {
  float x[16], y[16], z[16];
  bn_store16(x, a), bn_store16(y, b), bn_store16(z, c);
#pragma clang loop unroll(disable)
  for (int i = 0; i < 16; i += 4) {  // a loop, for the size of the code
    const BnD4 product = __builtin_convertvector(*(BnF4*)(x + i), BnD4) *
                         __builtin_convertvector(*(BnF4*)(y + i), BnD4);
    const BnD4 addend = __builtin_convertvector(*(BnF4*)(z + i), BnD4);
    const BnD4 sum = product + addend;
    const BnD4 part = sum - product;
    const BnD4 error = (product - (sum - part)) + (addend - part);
    BnL4 bits = (BnL4)sum;
    // Ordered comparisons: an infinite or NaN sum has a NaN error and is left alone.
    const BnL4 inexact = (error < 0.0) | (error > 0.0);
    const BnL4 even = (bits & 1) == 0;
    const BnL4 toward_error = ((bits ^ (BnL4)error) >> 63) | 1;
    bits += inexact & even & toward_error;
    *(BnF4*)(z + i) = __builtin_convertvector((BnD4)bits, BnF4);
  }
  return bn_load16(z);
}
BN_FLOAT_INLINE float bn_fma(float a, float b, float c) {
  const double product = (double)a * (double)b, sum = product + (double)c, part = sum - product;
  const double error = (product - (sum - part)) + ((double)c - part);
  union {
    double value;
    int64_t bits;
  } s = {sum}, e = {error};
  if ((error < 0.0 || error > 0.0) && !(s.bits & 1)) s.bits += (s.bits ^ e.bits) < 0 ? -1 : 1;
  return (float)s.value;
}
#endif

// Ties to even, the sign of zero kept. Without SSE4.1: 2^23 + |x| has no fraction bits left.
BN_FLOAT_INLINE BnFloats16 bn_rint16(BnFloats16 x) {
#if defined(__SSE4_1__) || defined(__aarch64__)
  return __builtin_elementwise_roundeven(x);
#else
  const BnU16 sign = bn_bits16(x) & 0x80000000u;
  const BnFloats16 size = bn_from_bits16(bn_bits16(x) ^ sign);
  const BnFloats16 whole = (size + 0x1p23f) - 0x1p23f;
  return bn_from_bits16(bn_bits16(size < 0x1p23f ? whole : size) | sign);
#endif
}

BN_FLOAT_INLINE BnFloats16 bn_max16(BnFloats16 x, BnFloats16 acc) {
  return x > acc ? x : acc;
}  // ignores NaN in x

// exp as NUMERICS has it. n = rint(x log2 e) comes from adding 1.5 * 2^23, whose low bits are then
// n in two's complement: |x log2 e| < 2^22 wherever the result is not replaced. The sign of a zero
// n or r is lost in p = 1 + r * ….
BN_FLOAT_INLINE BnFloats16 bn_exp16(BnFloats16 x) {
  const BnFloats16 shifted = x * 0x1.715476p+0f + 0x1.8p23f;
  const BnFloats16 n = shifted - 0x1.8p23f;
  BnFloats16 r = bn_fma16(n, bn_splat16(-0x1.62e43p-1f), x);
  r = bn_fma16(n, bn_splat16(0x1.05c61p-29f), r);
  static const float kNext[] = {0x1.123a2p-7f,  0x1.5558f2p-5f, 0x1.555492p-3f,
                                0x1.fffffcp-2f, 1.0f,           1.0f};
  BnFloats16 p = bn_splat16(0x1.6a23dp-10f);
#pragma clang loop unroll(full)
  for (int i = 0; i < 6; ++i) p = bn_fma16(p, r, bn_splat16(kNext[i]));
  BnFloats16 y = bn_from_bits16(bn_bits16(p) + (bn_bits16(shifted) << 23));
  y = x < -87.0f ? bn_splat16(0.0f) : y;
  y = x > 88.0f ? bn_splat16(__builtin_inff()) : y;
  return x == x ? y : x;
}
BN_FLOAT_INLINE BnFloats16 bn_sigmoid16(BnFloats16 x) { return 1.0f / (1.0f + bn_exp16(-x)); }
BN_FLOAT_INLINE BnFloats16 bn_silu16(BnFloats16 x) { return x * bn_sigmoid16(x); }
BN_FLOAT_INLINE BnFloats16 bn_relu2_16(BnFloats16 x) {
  const BnFloats16 r = x > 0.0f ? x : bn_splat16(0.0f);
  return r * r;
}

// F16 <-> binary32, round to nearest even. Without the instruction by integers and two exact float
// operations (the scaling by 2^112 and the addition that rounds a subnormal half at its last bit).
BN_FLOAT_INLINE BnFloats16 bn_from_f16_16(BnHalves16 h) {
#if defined(__F16C__) || defined(__aarch64__)
  typedef _Float16 Half16 __attribute__((ext_vector_type(16)));
  return __builtin_convertvector((Half16)h, BnFloats16);
#else
  const BnU16 wide = __builtin_convertvector(h, BnU16);
  const BnU16 size = (wide & 0x7fffu) << 13;
  const BnU16 finite = bn_bits16(bn_from_bits16(size) * 0x1p112f);
  return bn_from_bits16((size >= (BnU16)(0x7c00u << 13) ? size | 0x7f800000u : finite) |
                        (wide & 0x8000u) << 16);
#endif
}
BN_FLOAT_INLINE BnHalves16 bn_to_f16_16(BnFloats16 x) {
#if defined(__F16C__) || defined(__aarch64__)
  typedef _Float16 Half16 __attribute__((ext_vector_type(16)));
  return (BnHalves16) __builtin_convertvector(x, Half16);
#else
  const BnU16 sign = bn_bits16(x) & 0x80000000u, size = bn_bits16(x) ^ sign;
  const BnU16 normal = (size - 0x37fff001u + ((size >> 13) & 1u)) >>
                       13;  // exponent 127 -> 15; + half an ulp, to even
  const BnU16 subnormal = bn_bits16(bn_from_bits16(size) + 0.5f) - 0x3f000000u;
  BnU16 half = size < 0x38800000u ? subnormal : normal;
  half = size >= 0x47800000u ? (BnU16)(0x7c00u) : half;
  half = size > 0x7f800000u ? (BnU16)(0x7e00u) : half;
  return __builtin_convertvector(half | sign >> 16, BnHalves16);
#endif
}
BN_FLOAT_INLINE BnFloats16 bn_from_bf16_16(BnHalves16 h) {
  return bn_from_bits16(__builtin_convertvector(h, BnU16) << 16);
}
BN_FLOAT_INLINE float bn_from_f16(uint16_t h) { return bn_from_f16_16((BnHalves16)h)[0]; }
BN_FLOAT_INLINE float bn_from_bf16(uint16_t h) { return bn_from_bf16_16((BnHalves16)h)[0]; }

// One step of the chain over groups, for r rows (a multiple of 16): y = fma(dot * a, d, y), a the
// group's activation scale, d each row's weight scale, F16.
BN_FLOAT_INLINE void bn_add_group(const int32_t* dots, const uint16_t* d, float a, int r,
                                  float* y) {
#pragma clang loop unroll(full)
  for (int i = 0; i < r; i += 16) {
    const BnFloats16 dot = __builtin_convertvector(bn_load16_i32(dots + i), BnFloats16);
    bn_store16(y + i, bn_fma16(dot * a, bn_from_f16_16(bn_load16_halves(d + i)), bn_load16(y + i)));
  }
}

// What a kernel hands to its epilogue, for each row 4 bytes: its dot product, int32, or with groups
// the float that their chain came to.
BN_FLOAT_INLINE BnFloats16 bn_result16(const int32_t* results, int chained) {
  return chained ? bn_load16(results) : __builtin_convertvector(bn_load16_i32(results), BnFloats16);
}
BN_FLOAT_INLINE float bn_result(const int32_t* result, int chained) {
  return chained ? *(const BnFloatMemory*)result : (float)*result;
}

// y[i * step] = results[i * step] * c, or that times r added to it. A step of 1 is the fast case.
BN_FLOAT_INLINE void bn_epilogue_scale(const int32_t* results, const int chained, int64_t count,
                                       int64_t step, float c, int add, float r, float* y) {
  int64_t i = 0;
  if (step == 1) {
    for (; i + 16 <= count; i += 16) {
      const BnFloats16 scaled = bn_result16(results + i, chained) * c;
      bn_store16(y + i, add ? bn_load16(y + i) + scaled * r : scaled);
    }
  }
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < count; ++i) {
    const float scaled = bn_result(results + i * step, chained) * c;
    y[i * step] = add ? y[i * step] + scaled * r : scaled;
  }
}

// act(gate) * up of `pairs` (gate, up) pairs of results. One loop whatever the activation and the
// results, for the arrays of its ends and of an emulated exp stand on the stack once then.
BN_FLOAT_INLINE void bn_epilogue_gate(const int32_t* results, const int chained, int64_t pairs,
                                      float c_gate, float c_up, int relu2, float* y) {
  int32_t last[32];
  for (int64_t i = 0; i < pairs; i += 16) {
    const int64_t left = pairs - i;
    const int32_t* from = results + 2 * i;
    if (left < 16) {
#pragma clang loop vectorize(disable) unroll(disable)
      for (int64_t j = 0; j < 32; ++j) last[j] = j < 2 * left ? from[j] : 0;
      from = last;
    }
    const BnFloats16 low = bn_result16(from, chained), high = bn_result16(from + 16, chained);
    const BnFloats16 gate = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18,
                                                    20, 22, 24, 26, 28, 30);
    const BnFloats16 up = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21,
                                                  23, 25, 27, 29, 31);
    const BnFloats16 g = gate * c_gate, u = up * c_up;
    const BnFloats16 result = (relu2 ? bn_relu2_16(g) : bn_silu16(g)) * u;
    if (left < 16) {
      bn_store16_part(y + i, left, result);
    } else {
      bn_store16(y + i, result);
    }
  }
}
// Rows by segments, each with its scale; rows may cross them.
BN_FLOAT_INLINE void bn_epilogue_segments(const BnRun* run, int64_t m, int64_t n_first,
                                          const int32_t* dots, int64_t count, float* y) {
  for (int32_t s = 0; s < run->segment_count; ++s) {
    const BnSegment* segment = run->segments + s;
    const int64_t end = segment->row_end < n_first + count ? segment->row_end : n_first + count;
    int64_t n = segment->row_begin;
    if (n < n_first)
      n += (n_first - n + segment->row_stride - 1) / segment->row_stride * segment->row_stride;
    if (n >= end) continue;
    bn_epilogue_scale(dots + (n - n_first), 0,
                      (end - n + segment->row_stride - 1) / segment->row_stride,
                      segment->row_stride, segment->weight_scale / run->token_scale[m],
                      run->epilogue == BN_SCALED_ADD, run->residual_scale, y + n);
  }
}

BN_FLOAT_INLINE void bn_epilogue_int32(const int32_t* dots, int64_t count, int32_t* y) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) *(BnI16Memory*)(y + i) = bn_load16_i32(dots + i);
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < count; ++i) y[i] = dots[i];
}

// What becomes of the results of rows n_first, n_first + 1, … (`count` of them) of token m:
// run->epilogue. For BN_GATE_UP_*: n_first and count even, segment 0 is the gate (even rows) and
// segment 1 the up projection (odd rows). group: run->group, a constant where the code is for one.
BN_FLOAT_INLINE void bn_epilogue(const BnRun* run, int64_t group, int64_t m, int64_t n_first,
                                 const int32_t* results, int64_t count) {
  float* y = (float*)run->y + m * run->ldy;
  if (run->epilogue == BN_GATE_UP_SILU || run->epilogue == BN_GATE_UP_RELU2) {
    const float token_scale = group ? 1.0f : run->token_scale[m];
    const float c_gate = group ? 1.0f : run->segments[0].weight_scale / token_scale;
    const float c_up = group ? 1.0f : run->segments[1].weight_scale / token_scale;
    bn_epilogue_gate(results, group != 0, count / 2, c_gate, c_up,
                     run->epilogue == BN_GATE_UP_RELU2, y + n_first / 2);
  } else if (group) {
    bn_epilogue_scale(results, 1, count, 1, 1.0f, run->epilogue == BN_SCALED_ADD,
                      run->residual_scale, y + n_first);
  } else if (run->epilogue == BN_INT32) {
    bn_epilogue_int32(results, count, (int32_t*)run->y + m * run->ldy + n_first);
  } else {
    bn_epilogue_segments(run, m, n_first, results, count, y);
  }
}

#endif  // BITNET_TEMPLATES_FLOAT_OPS_H_
