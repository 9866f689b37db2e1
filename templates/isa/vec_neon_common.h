// What neon and dotprod share: 16-byte vectors and everything but the multiply-accumulate.
#include <arm_neon.h>

typedef uint8x16_t vec;

V_INLINE vec v_load(const void* p) { return vld1q_u8((const uint8_t*)p); }
V_INLINE void v_store(void* p, vec v) { vst1q_u8((uint8_t*)p, v); }
V_INLINE vec v_dup8(int x) { return vdupq_n_u8((uint8_t)x); }
V_INLINE vec v_zero(void) { return vdupq_n_u8(0); }
V_INLINE vec v_dup32(const void* p) {
  uint32_t x;
  __builtin_memcpy(&x, p, 4);
  return vreinterpretq_u8_u32(vdupq_n_u32(x));
}
V_INLINE vec v_dup128(const void* p) { return v_load(p); }

V_INLINE vec v_and(vec a, vec b) { return vandq_u8(a, b); }
V_INLINE vec v_xor(vec a, vec b) { return veorq_u8(a, b); }
V_INLINE vec v_add8(vec a, vec b) { return vaddq_u8(a, b); }
V_INLINE vec v_add16(vec a, vec b) { return (vec)vaddq_u16((uint16x8_t)a, (uint16x8_t)b); }
V_INLINE vec v_sub16(vec a, vec b) { return (vec)vsubq_u16((uint16x8_t)a, (uint16x8_t)b); }
V_INLINE vec v_add32(vec a, vec b) { return (vec)vaddq_u32((uint32x4_t)a, (uint32x4_t)b); }
V_INLINE vec v_sub32(vec a, vec b) { return (vec)vsubq_u32((uint32x4_t)a, (uint32x4_t)b); }
// The shift counts are constants only after specialisation, so the forms with an immediate do not
// serve.
V_INLINE vec v_shr16(vec a, int bits) { return (vec)((uint16x8_t)a >> (uint16_t)bits); }
V_INLINE vec v_shl16(vec a, int bits) { return (vec)((uint16x8_t)a << (uint16_t)bits); }
V_INLINE vec v_shl32(vec a, int bits) { return (vec)((uint32x4_t)a << (uint32_t)bits); }
V_INLINE vec v_sar32(vec a, int bits) { return (vec)((int32x4_t)a >> bits); }

V_INLINE vec v_lookup(vec table, vec index) { return vqtbl1q_u8(table, index); }
V_INLINE vec v_test8(vec v, vec bit) { return vtstq_u8(v, bit); }
V_INLINE vec v_zip8_lo(vec a, vec b) { return vzip1q_u8(a, b); }
V_INLINE vec v_zip8_hi(vec a, vec b) { return vzip2q_u8(a, b); }
V_INLINE vec v_zip16_lo(vec a, vec b) { return (vec)vzip1q_u16((uint16x8_t)a, (uint16x8_t)b); }
V_INLINE vec v_zip16_hi(vec a, vec b) { return (vec)vzip2q_u16((uint16x8_t)a, (uint16x8_t)b); }
V_INLINE vec v_sext16_lo(vec a) { return (vec)vmovl_s16(vget_low_s16((int16x8_t)a)); }
V_INLINE vec v_sext16_hi(vec a) { return (vec)vmovl_high_s16((int16x8_t)a); }
V_INLINE void v_prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }
