// avxvnni: avx2 with vpdpbusd in its VEX form. The intrinsic's own name keeps the compiler from the
// EVEX one.
#define V_BYTES 32
#define V_MAC_PRODUCTS 4
#define V_MAC_LIMIT 2147483647
#define V_MAX_CODE 128
#ifdef BN_TWIN
#include "templates/isa/twin.h"
#else
#include "templates/isa/vec_avx2_common.h"

V_INLINE vec v_mac(vec acc, vec codes, vec x) { return _mm256_dpbusd_avx_epi32(acc, codes, x); }
V_INLINE vec v_widen(vec acc, int shift) { return v_shl32(acc, shift); }
#endif
