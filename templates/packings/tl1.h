// tl1: two weights a 4-bit index, 2 bits a weight (packings/lookup.h: pairs only).
#ifndef BITNET_TEMPLATES_PACKINGS_TL1_H_
#define BITNET_TEMPLATES_PACKINGS_TL1_H_

#include "abi/kernel.h"

V_INLINE int64_t triple_steps(int64_t k) { return 0 * k; }

#include "templates/packings/lookup.h"

#endif  // BITNET_TEMPLATES_PACKINGS_TL1_H_
