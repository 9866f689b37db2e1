// neon: 16-byte vectors; products of bytes are widened and neighbours added, as maddubs does. NEON
// multiplies signed by signed, so codes end at 127.
#define V_BYTES 16
#define V_MAC_PRODUCTS 2
#define V_MAC_LIMIT 32767
#define V_MAX_CODE 127
#ifdef BN_TWIN
#include "templates/isa/twin.h"
#else
#include "templates/isa/vec_neon_common.h"

V_INLINE vec v_mac(vec acc, vec codes, vec x) {
  const int16x8_t low = vmull_s8(vget_low_s8((int8x16_t)codes), vget_low_s8((int8x16_t)x));
  const int16x8_t high = vmull_high_s8((int8x16_t)codes, (int8x16_t)x);
  return (vec)vaddq_s16((int16x8_t)acc, vpaddq_s16(low, high));
}
V_INLINE vec v_widen(vec acc, int shift) {
  return v_shl32((vec)vpaddlq_s16((int16x8_t)acc), shift);
}
#endif
