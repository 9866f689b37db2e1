// Includes the vocabulary of the level BN_ISA: the one set of names that kernels are written in.
// With BN_TWIN defined the same names come from isa/twin.h, plain C with the exact semantics of
// that level's instructions, on any machine.
//
//   vec                  V_BYTES bytes; lanes of 8, 16 or 32 bits as the function says
//   V_BYTES              16, 32 or 64
//   V_LANES              32-bit lanes of a vec: the rows that one vec of codes covers
//   v_mac(acc, codes, x) multiply-accumulates unsigned codes (0..V_MAX_CODE) with signed x
//                        (-127..127), byte by byte, into lanes that take V_MAC_PRODUCTS products a
//                        step and must stay within V_MAC_LIMIT: 4 products in 32-bit lanes (VNNI,
//                        dotprod) or 2 in 16-bit lanes (maddubs and its like). Nothing saturates:
//                        2 * 128 * 127 = 32512 < 32768.
//   v_widen(acc, shift)  joins such lanes to int32, one for each 4 bytes, times 2^shift
//   v_load, v_store      any alignment
//   v_dup8, v_zero       one byte everywhere
//   v_dup32, v_dup128    4 or 16 bytes of memory in every 32-bit or 128-bit lane
//   v_and, v_xor         bitwise
//   v_add8/16/32, v_sub16/32          wrap around
//   v_shr16, v_shl16, v_shl32         logical shifts, bits < 16 or 32; v_sar32 keeps the sign
//   v_lookup(table, index)            in each 128-bit lane: bytes table[index], index 0..15
//   v_zip8_lo/hi, v_zip16_lo/hi       in each 128-bit lane: interleave the low or high halves
//   v_sext16_lo/hi                    in each 128-bit lane: the low or high four int16 as int32
//   v_test8(v, bit)                   0xFF where v has the bit (one in each byte of it), else 0
//   v_prefetch(p)                     a hint, into the second-level cache; p may point anywhere
//
// Why the second level: into the first, a prefetch has fewer lines in flight, 80 % of the roof
// instead of 86 % in gemv_t2_avx512vnni (Granite Rapids class).
#ifndef BITNET_TEMPLATES_ISA_ISA_H_
#define BITNET_TEMPLATES_ISA_ISA_H_

#include <stdint.h>

#define V_INLINE static inline __attribute__((always_inline, unused))
#define BN_QUOTE2(text) #text
#define BN_QUOTE(text) BN_QUOTE2(text)
#define BN_JOIN2(a, b) a##b
#define BN_JOIN(a, b) BN_JOIN2(a, b)
// Spaces would become part of the file's name.
// clang-format off
#define BN_FILE(folder, name) BN_QUOTE(templates/folder/name.h)
// clang-format on

#include BN_FILE(isa, BN_JOIN(vec_, BN_ISA))

#define V_LANES (V_BYTES / 4)

#endif  // BITNET_TEMPLATES_ISA_ISA_H_
