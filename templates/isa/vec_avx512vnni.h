// avx512vnni: 64-byte vectors (F, BW), vpdpbusd.
#define V_BYTES 64
#define V_MAC_PRODUCTS 4
#define V_MAC_LIMIT 2147483647
#define V_MAX_CODE 128
#ifdef BN_TWIN
#include "templates/isa/twin.h"
#else
#include <immintrin.h>

typedef __m512i vec;

V_INLINE vec v_load(const void* p) { return _mm512_loadu_si512(p); }
V_INLINE void v_store(void* p, vec v) { _mm512_storeu_si512(p, v); }
V_INLINE vec v_dup8(int x) { return _mm512_set1_epi8((char)x); }
V_INLINE vec v_zero(void) { return _mm512_setzero_si512(); }
V_INLINE vec v_dup32(const void* p) {
  int32_t x;
  __builtin_memcpy(&x, p, 4);
  return _mm512_set1_epi32(x);
}
V_INLINE vec v_dup128(const void* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i_u*)p));
}

V_INLINE vec v_and(vec a, vec b) { return _mm512_and_si512(a, b); }
V_INLINE vec v_xor(vec a, vec b) { return _mm512_xor_si512(a, b); }
V_INLINE vec v_add8(vec a, vec b) { return _mm512_add_epi8(a, b); }
V_INLINE vec v_add16(vec a, vec b) { return _mm512_add_epi16(a, b); }
V_INLINE vec v_sub16(vec a, vec b) { return _mm512_sub_epi16(a, b); }
V_INLINE vec v_add32(vec a, vec b) { return _mm512_add_epi32(a, b); }
V_INLINE vec v_sub32(vec a, vec b) { return _mm512_sub_epi32(a, b); }
V_INLINE vec v_shr16(vec a, int bits) { return _mm512_srli_epi16(a, (unsigned)bits); }
V_INLINE vec v_shl16(vec a, int bits) { return _mm512_slli_epi16(a, (unsigned)bits); }
V_INLINE vec v_shl32(vec a, int bits) { return _mm512_slli_epi32(a, (unsigned)bits); }
V_INLINE vec v_sar32(vec a, int bits) { return _mm512_srai_epi32(a, (unsigned)bits); }

V_INLINE vec v_mac(vec acc, vec codes, vec x) { return _mm512_dpbusd_epi32(acc, codes, x); }
V_INLINE vec v_widen(vec acc, int shift) { return v_shl32(acc, shift); }

V_INLINE vec v_lookup(vec table, vec index) { return _mm512_shuffle_epi8(table, index); }
V_INLINE vec v_test8(vec v, vec bit) { return _mm512_movm_epi8(_mm512_test_epi8_mask(v, bit)); }
V_INLINE vec v_zip8_lo(vec a, vec b) { return _mm512_unpacklo_epi8(a, b); }
V_INLINE vec v_zip8_hi(vec a, vec b) { return _mm512_unpackhi_epi8(a, b); }
V_INLINE vec v_zip16_lo(vec a, vec b) { return _mm512_unpacklo_epi16(a, b); }
V_INLINE vec v_zip16_hi(vec a, vec b) { return _mm512_unpackhi_epi16(a, b); }
V_INLINE vec v_sext16_lo(vec a) { return _mm512_srai_epi32(_mm512_unpacklo_epi16(a, a), 16); }
V_INLINE vec v_sext16_hi(vec a) { return _mm512_srai_epi32(_mm512_unpackhi_epi16(a, a), 16); }
V_INLINE void v_prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T1); }
#endif
