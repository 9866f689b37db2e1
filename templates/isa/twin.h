// The portable twin of every vocabulary: vectors are arrays, each function is the exact semantics
// of the instructions that it stands for. A level's header defines V_BYTES and V_MAC_PRODUCTS and
// includes this where BN_TWIN is defined. Lanes are little-endian, as on every machine this project
// knows.
#ifndef BITNET_TEMPLATES_ISA_TWIN_H_
#define BITNET_TEMPLATES_ISA_TWIN_H_

#include <stdint.h>

typedef union {
  uint8_t u8[V_BYTES];
  int8_t i8[V_BYTES];
  uint16_t u16[V_BYTES / 2];
  int16_t i16[V_BYTES / 2];
  uint32_t u32[V_BYTES / 4];
  int32_t i32[V_BYTES / 4];
} vec;

#define V_EACH(count) for (int i = 0; i < (count); ++i)

V_INLINE vec v_load(const void* p) {
  vec v;
  __builtin_memcpy(&v, p, V_BYTES);
  return v;
}
V_INLINE void v_store(void* p, vec v) { __builtin_memcpy(p, &v, V_BYTES); }
V_INLINE vec v_dup8(int x) {
  vec v;
  V_EACH(V_BYTES) v.u8[i] = (uint8_t)x;
  return v;
}
V_INLINE vec v_zero(void) { return v_dup8(0); }
V_INLINE vec v_dup32(const void* p) {
  vec v;
  V_EACH(V_BYTES) v.u8[i] = ((const uint8_t*)p)[i % 4];
  return v;
}
V_INLINE vec v_dup128(const void* p) {
  vec v;
  V_EACH(V_BYTES) v.u8[i] = ((const uint8_t*)p)[i % 16];
  return v;
}

V_INLINE vec v_and(vec a, vec b) {
  V_EACH(V_BYTES) a.u8[i] &= b.u8[i];
  return a;
}
V_INLINE vec v_xor(vec a, vec b) {
  V_EACH(V_BYTES) a.u8[i] ^= b.u8[i];
  return a;
}
V_INLINE vec v_add8(vec a, vec b) {
  V_EACH(V_BYTES) a.u8[i] = (uint8_t)(a.u8[i] + b.u8[i]);
  return a;
}
V_INLINE vec v_add16(vec a, vec b) {
  V_EACH(V_BYTES / 2) a.u16[i] = (uint16_t)(a.u16[i] + b.u16[i]);
  return a;
}
V_INLINE vec v_sub16(vec a, vec b) {
  V_EACH(V_BYTES / 2) a.u16[i] = (uint16_t)(a.u16[i] - b.u16[i]);
  return a;
}
V_INLINE vec v_add32(vec a, vec b) {
  V_EACH(V_BYTES / 4) a.u32[i] += b.u32[i];
  return a;
}
V_INLINE vec v_sub32(vec a, vec b) {
  V_EACH(V_BYTES / 4) a.u32[i] -= b.u32[i];
  return a;
}
V_INLINE vec v_shr16(vec a, int bits) {
  V_EACH(V_BYTES / 2) a.u16[i] = (uint16_t)(a.u16[i] >> bits);
  return a;
}
V_INLINE vec v_shl16(vec a, int bits) {
  V_EACH(V_BYTES / 2) a.u16[i] = (uint16_t)(a.u16[i] << bits);
  return a;
}
V_INLINE vec v_shl32(vec a, int bits) {
  V_EACH(V_BYTES / 4) a.u32[i] <<= bits;
  return a;
}
V_INLINE vec v_sar32(vec a, int bits) {
  V_EACH(V_BYTES / 4) a.i32[i] >>= bits;
  return a;
}

// Unsigned codes times signed x. maddubs saturates its sum of two; so does this, although no caller
// gets there. The sum of four is written for even and odd bytes in 16-bit lanes, as compilers make
// vectors of that and not of bytes: scalar, which runs it, is four times as fast.
#if V_MAC_PRODUCTS == 4
typedef uint16_t twin_u16 __attribute__((vector_size(V_BYTES)));
typedef int16_t twin_i16 __attribute__((vector_size(V_BYTES)));
typedef uint32_t twin_u32 __attribute__((vector_size(V_BYTES)));
typedef int32_t twin_i32 __attribute__((vector_size(V_BYTES)));
V_INLINE vec v_mac(vec acc, vec codes, vec x) {
  twin_u16 c, y;
  twin_u32 sum;
  __builtin_memcpy(&c, &codes, V_BYTES);
  __builtin_memcpy(&y, &x, V_BYTES);
  __builtin_memcpy(&sum, &acc, V_BYTES);
  const twin_i16 products[2] = {(twin_i16)(c & 255) * ((twin_i16)(y << 8) >> 8),
                                (twin_i16)(c >> 8) * ((twin_i16)y >> 8)};  // at most 255 * 128
  for (int i = 0; i < 2; ++i)
    sum += (twin_u32)((twin_i32)((twin_u32)products[i] << 16) >> 16) +
           (twin_u32)((twin_i32)products[i] >> 16);
  __builtin_memcpy(&acc, &sum, V_BYTES);
  return acc;
}
#else
V_INLINE vec v_mac(vec acc, vec codes, vec x) {
  V_EACH(V_BYTES / 2) {
    int sum = codes.u8[2 * i] * x.i8[2 * i] + codes.u8[2 * i + 1] * x.i8[2 * i + 1];
    sum = sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum;
    acc.u16[i] = (uint16_t)(acc.u16[i] + sum);
  }
  return acc;
}
#endif
V_INLINE vec v_widen(vec acc, int shift) {
#if V_MAC_PRODUCTS == 4
  return v_shl32(acc, shift);
#else
  vec sum;
  V_EACH(V_BYTES / 4) sum.i32[i] = (acc.i16[2 * i] + acc.i16[2 * i + 1]) * (1 << shift);
  return sum;
#endif
}

V_INLINE vec v_lookup(vec table, vec index) {
  vec v;
  V_EACH(V_BYTES) v.u8[i] = table.u8[i / 16 * 16 + index.u8[i] % 16];
  return v;
}
V_INLINE vec v_test8(vec v, vec bit) {
  V_EACH(V_BYTES) v.u8[i] = v.u8[i] & bit.u8[i] ? 0xFF : 0;
  return v;
}
V_INLINE vec v_zip8_half(vec a, vec b, int half) {
  vec v;
  V_EACH(V_BYTES) v.u8[i] = (i % 2 ? b : a).u8[i / 16 * 16 + half + i % 16 / 2];
  return v;
}
V_INLINE vec v_zip16_half(vec a, vec b, int half) {
  vec v;
  V_EACH(V_BYTES / 2) v.u16[i] = (i % 2 ? b : a).u16[i / 8 * 8 + half + i % 8 / 2];
  return v;
}
V_INLINE vec v_zip8_lo(vec a, vec b) { return v_zip8_half(a, b, 0); }
V_INLINE vec v_zip8_hi(vec a, vec b) { return v_zip8_half(a, b, 8); }
V_INLINE vec v_zip16_lo(vec a, vec b) { return v_zip16_half(a, b, 0); }
V_INLINE vec v_zip16_hi(vec a, vec b) { return v_zip16_half(a, b, 4); }
V_INLINE vec v_sext16_lo(vec a) {
  vec v;
  V_EACH(V_BYTES / 4) v.i32[i] = a.i16[i / 4 * 8 + i % 4];
  return v;
}
V_INLINE vec v_sext16_hi(vec a) {
  vec v;
  V_EACH(V_BYTES / 4) v.i32[i] = a.i16[i / 4 * 8 + 4 + i % 4];
  return v;
}
V_INLINE void v_prefetch(const void* p) { (void)p; }

#endif  // BITNET_TEMPLATES_ISA_TWIN_H_
