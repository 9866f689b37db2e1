// dotprod: neon with sdot; signed by signed, so codes end at 127.
#define V_BYTES 16
#define V_MAC_PRODUCTS 4
#define V_MAC_LIMIT 2147483647
#define V_MAX_CODE 127
#ifdef BN_TWIN
#include "templates/isa/twin.h"
#else
#include "templates/isa/vec_neon_common.h"

V_INLINE vec v_mac(vec acc, vec codes, vec x) {
  return (vec)vdotq_s32((int32x4_t)acc, (int8x16_t)codes, (int8x16_t)x);
}
V_INLINE vec v_widen(vec acc, int shift) { return v_shl32(acc, shift); }
#endif
