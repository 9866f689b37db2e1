// What avx2 and avxvnni share: 32-byte vectors and everything but the multiply-accumulate.
#include <immintrin.h>

typedef __m256i vec;

V_INLINE vec v_load(const void* p) { return _mm256_loadu_si256((const __m256i_u*)p); }
V_INLINE void v_store(void* p, vec v) { _mm256_storeu_si256((__m256i_u*)p, v); }
V_INLINE vec v_dup8(int x) { return _mm256_set1_epi8((char)x); }
V_INLINE vec v_zero(void) { return _mm256_setzero_si256(); }
V_INLINE vec v_dup32(const void* p) {
  int32_t x;
  __builtin_memcpy(&x, p, 4);
  return _mm256_set1_epi32(x);
}
V_INLINE vec v_dup128(const void* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i_u*)p));
}

V_INLINE vec v_and(vec a, vec b) { return _mm256_and_si256(a, b); }
V_INLINE vec v_xor(vec a, vec b) { return _mm256_xor_si256(a, b); }
V_INLINE vec v_add8(vec a, vec b) { return _mm256_add_epi8(a, b); }
V_INLINE vec v_add16(vec a, vec b) { return _mm256_add_epi16(a, b); }
V_INLINE vec v_sub16(vec a, vec b) { return _mm256_sub_epi16(a, b); }
V_INLINE vec v_add32(vec a, vec b) { return _mm256_add_epi32(a, b); }
V_INLINE vec v_sub32(vec a, vec b) { return _mm256_sub_epi32(a, b); }
V_INLINE vec v_shr16(vec a, int bits) { return _mm256_srli_epi16(a, bits); }
V_INLINE vec v_shl16(vec a, int bits) { return _mm256_slli_epi16(a, bits); }
V_INLINE vec v_shl32(vec a, int bits) { return _mm256_slli_epi32(a, bits); }
V_INLINE vec v_sar32(vec a, int bits) { return _mm256_srai_epi32(a, bits); }

V_INLINE vec v_lookup(vec table, vec index) { return _mm256_shuffle_epi8(table, index); }
V_INLINE vec v_test8(vec v, vec bit) { return _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit); }
V_INLINE vec v_zip8_lo(vec a, vec b) { return _mm256_unpacklo_epi8(a, b); }
V_INLINE vec v_zip8_hi(vec a, vec b) { return _mm256_unpackhi_epi8(a, b); }
V_INLINE vec v_zip16_lo(vec a, vec b) { return _mm256_unpacklo_epi16(a, b); }
V_INLINE vec v_zip16_hi(vec a, vec b) { return _mm256_unpackhi_epi16(a, b); }
V_INLINE vec v_sext16_lo(vec a) { return _mm256_srai_epi32(_mm256_unpacklo_epi16(a, a), 16); }
V_INLINE vec v_sext16_hi(vec a) { return _mm256_srai_epi32(_mm256_unpackhi_epi16(a, a), 16); }
V_INLINE void v_prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T1); }
