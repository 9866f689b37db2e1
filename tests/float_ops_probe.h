// The functions of templates/float_ops.h at one ISA level, over arrays.
#ifndef BITNET_TESTS_FLOAT_OPS_PROBE_H_
#define BITNET_TESTS_FLOAT_OPS_PROBE_H_

#include <stdint.h>

#include "abi/kernel.h"

typedef struct FloatOpsProbe {
  void (*fma)(const float* a, const float* b, const float* c, int64_t n, float* y);  // 16 at a time
  void (*fma_scalar)(const float* a, const float* b, const float* c, int64_t n, float* y);
  // Whole sixteens.
  void (*exp)(const float* x, int64_t n, float* y);
  void (*rint)(const float* x, int64_t n, float* y);
  void (*from_f16)(const uint16_t* h, int64_t n, float* y);
  void (*from_bf16)(const uint16_t* h, int64_t n, float* y);
  void (*to_f16)(const float* x, int64_t n, uint16_t* h);
  void (*epilogue)(const BnRun* run, int64_t m, int64_t n_first, const int32_t* dots,
                   int64_t count);
} FloatOpsProbe;

#endif  // BITNET_TESTS_FLOAT_OPS_PROBE_H_
