// ssse3: 16-byte vectors, maddubs into 16-bit lanes, byte shuffles.
#define V_BYTES 16
#define V_MAC_PRODUCTS 2
#define V_MAC_LIMIT 32767
#define V_MAX_CODE 128
#ifdef BN_TWIN
#include "templates/isa/twin.h"
#else
#include <tmmintrin.h>

typedef __m128i vec;

V_INLINE vec v_load(const void* p) { return _mm_loadu_si128((const __m128i_u*)p); }
V_INLINE void v_store(void* p, vec v) { _mm_storeu_si128((__m128i_u*)p, v); }
V_INLINE vec v_dup8(int x) { return _mm_set1_epi8((char)x); }
V_INLINE vec v_zero(void) { return _mm_setzero_si128(); }
V_INLINE vec v_dup32(const void* p) {
  int32_t x;
  __builtin_memcpy(&x, p, 4);
  return _mm_set1_epi32(x);
}
V_INLINE vec v_dup128(const void* p) { return v_load(p); }

V_INLINE vec v_and(vec a, vec b) { return _mm_and_si128(a, b); }
V_INLINE vec v_xor(vec a, vec b) { return _mm_xor_si128(a, b); }
V_INLINE vec v_add8(vec a, vec b) { return _mm_add_epi8(a, b); }
V_INLINE vec v_add16(vec a, vec b) { return _mm_add_epi16(a, b); }
V_INLINE vec v_sub16(vec a, vec b) { return _mm_sub_epi16(a, b); }
V_INLINE vec v_add32(vec a, vec b) { return _mm_add_epi32(a, b); }
V_INLINE vec v_sub32(vec a, vec b) { return _mm_sub_epi32(a, b); }
V_INLINE vec v_shr16(vec a, int bits) { return _mm_srli_epi16(a, bits); }
V_INLINE vec v_shl16(vec a, int bits) { return _mm_slli_epi16(a, bits); }
V_INLINE vec v_shl32(vec a, int bits) { return _mm_slli_epi32(a, bits); }
V_INLINE vec v_sar32(vec a, int bits) { return _mm_srai_epi32(a, bits); }

V_INLINE vec v_mac(vec acc, vec codes, vec x) {
  return _mm_add_epi16(acc, _mm_maddubs_epi16(codes, x));
}
V_INLINE vec v_widen(vec acc, int shift) {
  return _mm_madd_epi16(acc, _mm_set1_epi16((short)(1 << shift)));
}

V_INLINE vec v_lookup(vec table, vec index) { return _mm_shuffle_epi8(table, index); }
V_INLINE vec v_test8(vec v, vec bit) { return _mm_cmpeq_epi8(_mm_and_si128(v, bit), bit); }
V_INLINE vec v_zip8_lo(vec a, vec b) { return _mm_unpacklo_epi8(a, b); }
V_INLINE vec v_zip8_hi(vec a, vec b) { return _mm_unpackhi_epi8(a, b); }
V_INLINE vec v_zip16_lo(vec a, vec b) { return _mm_unpacklo_epi16(a, b); }
V_INLINE vec v_zip16_hi(vec a, vec b) { return _mm_unpackhi_epi16(a, b); }
V_INLINE vec v_sext16_lo(vec a) { return _mm_srai_epi32(_mm_unpacklo_epi16(a, a), 16); }
V_INLINE vec v_sext16_hi(vec a) { return _mm_srai_epi32(_mm_unpackhi_epi16(a, a), 16); }
V_INLINE void v_prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T1); }
#endif
