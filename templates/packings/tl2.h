// tl2: three weights a 4-bit index and a sign bit, 1.67 bits a weight; the last K mod 24 in pairs
// (packings/lookup.h).
#ifndef BITNET_TEMPLATES_PACKINGS_TL2_H_
#define BITNET_TEMPLATES_PACKINGS_TL2_H_

#include "abi/kernel.h"

V_INLINE int64_t triple_steps(int64_t k) { return k / 24; }

#include "templates/packings/lookup.h"

#endif  // BITNET_TEMPLATES_PACKINGS_TL2_H_
