// scalar: the twin itself, 16 bytes wide; the compiler makes of it what the baseline has.
#ifndef BN_TWIN
#define BN_TWIN
#endif
#define V_BYTES 16
#define V_MAC_PRODUCTS 4
#define V_MAC_LIMIT 2147483647
#define V_MAX_CODE 128
#include "templates/isa/twin.h"
