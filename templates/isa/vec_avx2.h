// avx2: 32-byte vectors, maddubs into 16-bit lanes.
#define V_BYTES 32
#define V_MAC_PRODUCTS 2
#define V_MAC_LIMIT 32767
#define V_MAX_CODE 128
#ifdef BN_TWIN
#include "templates/isa/twin.h"
#else
#include "templates/isa/vec_avx2_common.h"

V_INLINE vec v_mac(vec acc, vec codes, vec x) {
  return _mm256_add_epi16(acc, _mm256_maddubs_epi16(codes, x));
}
V_INLINE vec v_widen(vec acc, int shift) {
  return _mm256_madd_epi16(acc, _mm256_set1_epi16((short)(1 << shift)));
}
#endif
