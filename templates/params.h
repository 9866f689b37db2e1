// The parameters of the templates. In bitcode (BN_BITCODE) they are constants without a value,
// which the tuner's code generator initialises before it optimises; in a built-in object the build
// gives each as a macro, -DP_r=32. A template declares no others; array bounds are literal maxima,
// loops run to P_*.
//
//   r   rows of a packed panel, in which rows are streamed; shapes the packing    all kernels
//   t   rows of a register tile, divides r                                        small, batch
//   c   tokens of a register tile                                                 small, batch
//   b   tokens whose sums are one entry of a table                                batch
//   s   unpacking of 2-bit codes: its scheme (packings/t2.h)                      gemv
//   k   K block: input features taken at once; 0: all                             small, batch, lut
//   u   steps (chunks of k) in an iteration of the innermost loop                 all
//   pf  prefetch distance in bytes of packed weights, of every line; 0: none      all
//   ph  page heads: lines of the next 4 KB page that are prefetched once a page   gemv
//   e   entry split: how the halves of a table's entries are summed (kernels/lut.c)      lut
//   d   tables in scratch: 0 once, broadcast at load; 1 a copy for each 128-bit lane     lut
//
// A letter means the same in every template: the tuner leaves out values by it (tuner/worth.h),
// where s is also how many vecs of sums each vec of rows has, at most, and d says that tables, 16
// entries of 2 bytes for at least 2 input features, lie in scratch.
//
// P_N and P_K are the shape where the code is for one shape only, else 0; P_G is the group size
// (abi/kernel.h), or -1 where BnRun says it.
// Default values and choices of each template stand in catalogue.cmake.
#ifndef BITNET_TEMPLATES_PARAMS_H_
#define BITNET_TEMPLATES_PARAMS_H_

#ifdef BN_BITCODE
extern const int P_r, P_t, P_c, P_b, P_s, P_k, P_u, P_pf, P_ph, P_e, P_d;
extern const int P_N, P_K, P_G;
#else
#define P_N 0
#define P_K 0
#define P_G (-1)
#endif

#endif  // BITNET_TEMPLATES_PARAMS_H_
