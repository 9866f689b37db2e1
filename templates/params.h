// The parameters of the templates. In bitcode (BN_BITCODE) they are constants without a value,
// which the tuner's code generator initialises before it optimises; in a built-in object the build
// gives each as a macro, -DP_r=32. A template declares no others; array bounds are literal maxima,
// loops run to P_*.
//
//   letter  meaning                                                                         used by
//   r       rows of a packed panel, the unit in which rows are streamed; shapes the packing  all
//   t       rows of a register tile, at most r                                               small
//   c       tokens of a register tile                                                        small
//   s       how 2-bit codes are unpacked: accumulators a vec of rows (packings/t2.h)         gemv
//   k       K block: input features taken at once; 0: all                                    small,
//   lut u       steps (chunks of k) a loop iteration gemv, small, lut pf      prefetch distance in
//   bytes of packed weights; 0: none                            all e       table look-up: how two
//   halves of an entry are summed (kernels/lut.c)             lut d       table look-up: 0 tables
//   of 16 bytes, widened at load; 1 copies as wide as a vec  lut
//
// P_N and P_K are the shape, where the code is for one shape only, else 0.
// Default values and choices of each template stand in catalogue.cmake.
#ifndef BITNET_TEMPLATES_PARAMS_H_
#define BITNET_TEMPLATES_PARAMS_H_

#ifdef BN_BITCODE
extern const int P_r, P_t, P_c, P_s, P_k, P_u, P_pf, P_e, P_d;
extern const int P_N, P_K;
#else
#define P_N 0
#define P_K 0
#endif

#endif  // BITNET_TEMPLATES_PARAMS_H_
