// templates/float_ops.h of one ISA level, made callable: compiled once a level with
// -DBN_LEVEL=<name>.
#include "tests/float_ops_probe.h"

#include "templates/float_ops.h"

#define BN_JOIN_(a, b) a##_##b
#define BN_JOIN(a, b) BN_JOIN_(a, b)

static void probe_fma(const float* a, const float* b, const float* c, int64_t n, float* y) {
  for (int64_t i = 0; i + 16 <= n; i += 16) {
    bn_store16(y + i, bn_fma16(bn_load16(a + i), bn_load16(b + i), bn_load16(c + i)));
  }
}
static void probe_fma_scalar(const float* a, const float* b, const float* c, int64_t n, float* y) {
#pragma clang loop vectorize(disable)
  for (int64_t i = 0; i < n; ++i) y[i] = bn_fma(a[i], b[i], c[i]);
}
#define UNARY(name, function)                                                                \
  static void name(const float* x, int64_t n, float* y) {                                    \
    for (int64_t i = 0; i + 16 <= n; i += 16) bn_store16(y + i, function(bn_load16(x + i))); \
  }
UNARY(probe_exp, bn_exp16)
UNARY(probe_rint, bn_rint16)
static void probe_from_f16(const uint16_t* h, int64_t n, float* y) {
  for (int64_t i = 0; i + 16 <= n; i += 16)
    bn_store16(y + i, bn_from_f16_16(bn_load16_halves(h + i)));
}
static void probe_from_bf16(const uint16_t* h, int64_t n, float* y) {
  for (int64_t i = 0; i + 16 <= n; i += 16)
    bn_store16(y + i, bn_from_bf16_16(bn_load16_halves(h + i)));
}
static void probe_to_f16(const float* x, int64_t n, uint16_t* h) {
  for (int64_t i = 0; i + 16 <= n; i += 16)
    bn_store16_halves(h + i, bn_to_f16_16(bn_load16(x + i)));
}
static void probe_epilogue(const BnRun* run, int64_t m, int64_t n_first, const int32_t* dots,
                           int64_t count) {
  bn_epilogue(run, run->group, m, n_first, dots, count);
}

const FloatOpsProbe BN_JOIN(float_ops_probe, BN_LEVEL) __attribute__((visibility("default"))) = {
    probe_fma,      probe_fma_scalar, probe_exp,    probe_rint,
    probe_from_f16, probe_from_bf16,  probe_to_f16, probe_epilogue,
};
