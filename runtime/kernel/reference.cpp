#include "runtime/kernel/reference.h"

#include <cassert>
#include <cstring>

#include "runtime/base/half.h"
#include "runtime/base/numerics.h"

namespace bitnet {
namespace {

int64_t round_up_64(int64_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t groups_of(int64_t k, int64_t group) { return group ? k / group : 0; }
int64_t form_row_bytes(int64_t k, int64_t group) {
  return round_up_64(k) + round_up_64(groups_of(k, group) * int64_t{sizeof(float)});
}

void facts(int64_t /*group*/, BnFacts* out) {
  *out = BnFacts{.unfit = BN_FITS,
                 .tokens_min = 1,
                 .tokens_max = BN_ANY_TOKENS,
                 .layout = {1},
                 .loop_products = 1,
                 .check_tokens = 2,
                 .check_rows = 2,
                 .check_k = 1};
}

void sizes(int64_t n, int64_t k, int64_t group, BnSizes* out) {
  *out = BnSizes{.packed_bytes = n * k + 2 * n * groups_of(k, group),
                 .form_group_tokens = 1,
                 .form_group_bytes = form_row_bytes(k, group),
                 .scratch_bytes = 0,
                 .exact_k = BN_MAX_K,
                 .row_step = 2,
                 .token_step = 1,
                 .split = BN_SPLIT_ROWS};
}

void pack(const BnPack* p) {
  const int64_t rows = p->n1 - p->n0, groups = groups_of(p->k, p->group);
  std::memcpy(p->packed + p->n0 * p->k, p->trits, static_cast<size_t>(rows * p->k));
  if (groups)
    std::memcpy(p->packed + p->n * p->k + 2 * p->n0 * groups, p->scales,
                static_cast<size_t>(2 * rows * groups));
}

void prepare(const BnPrepare* p) {
  const int64_t groups = groups_of(p->k, p->group);
  for (int64_t m = p->m0; m < p->m1; ++m) {
    uint8_t* row = p->form + m * form_row_bytes(p->k, p->group);
    std::memcpy(row, p->x + m * p->ldx, static_cast<size_t>(p->k));
    if (groups)
      std::memcpy(row + round_up_64(p->k), p->group_scales + m * groups,
                  static_cast<size_t>(groups) * sizeof(float));
  }
}

// Of input features k0..k1.
int32_t dot(const BnRun* r, int64_t m, int64_t n, int64_t k0, int64_t k1) {
  const auto* x = reinterpret_cast<const int8_t*>(r->form) + m * form_row_bytes(r->k, r->group);
  const auto* w = reinterpret_cast<const int8_t*>(r->packed) + n * r->k;
  int32_t sum = 0;
  for (int64_t k = k0; k < k1; ++k) sum += x[k] * w[k];
  return sum;
}

// The chain over groups.
float chain(const BnRun* r, int64_t m, int64_t n) {
  const uint8_t* row = r->form + m * form_row_bytes(r->k, r->group);
  const uint8_t* scales = r->packed + r->n * r->k;
  float y = 0;
  for (int64_t g = 0; g < r->k / r->group; ++g) {
    float a = 0;
    uint16_t d = 0;
    std::memcpy(&a, row + round_up_64(r->k) + g * int64_t{sizeof(float)}, sizeof(float));
    std::memcpy(&d, scales + 2 * (n * (r->k / r->group) + g), sizeof(d));
    y = reference_chained(dot(r, m, n, g * r->group, (g + 1) * r->group), a, d, y);
  }
  return y;
}

float weight_scale(const BnRun* r, int64_t n) {
  for (int32_t i = 0; i < r->segment_count; ++i) {
    const BnSegment& s = r->segments[i];
    if (n >= s.row_begin && n < s.row_end && (n - s.row_begin) % s.row_stride == 0)
      return s.weight_scale;
  }
  assert(false && "a row belongs to a segment");
  return 0.0F;
}

float scaled(const BnRun* r, int64_t m, int64_t n) {
  if (r->group) return chain(r, m, n);
  return reference_scaled(dot(r, m, n, 0, r->k), weight_scale(r, n), r->token_scale[m]);
}

void run(const BnRun* r) {
  const auto epilogue = static_cast<BnEpilogue>(r->epilogue);
  for (int64_t m = r->m0; m < r->m1; ++m) {
    auto* y_int = static_cast<int32_t*>(r->y) + m * r->ldy;
    auto* y = static_cast<float*>(r->y) + m * r->ldy;
    for (int64_t n = r->n0; n < r->n1; ++n) {
      switch (epilogue) {
        case BN_INT32:
          y_int[n] = dot(r, m, n, 0, r->k);
          break;
        case BN_SCALED:
          y[n] = scaled(r, m, n);
          break;
        case BN_SCALED_ADD:
          y[n] = y[n] + scaled(r, m, n) * r->residual_scale;
          break;
        case BN_GATE_UP_SILU:
        case BN_GATE_UP_RELU2:
          if (n % 2 == 0)
            y[n / 2] = reference_gate_up(scaled(r, m, n), scaled(r, m, n + 1), epilogue);
          break;
      }
    }
  }
}

class ReferenceSource final : public KernelSource {
 public:
  Result<ProblemKernels> find(const Problem& problem) const override {
    ClassKernel kernel{.m_min = 1,
                       .m_max = kAnyTokens,
                       .name = {"reference", "bytes", Isa::scalar, {{"r", 1}}},
                       .packing_key = "bytes_r1",
                       .form = "bytes",
                       .functions = reference_functions()};
    kernel.functions.sizes(problem.n, problem.k, problem.group, &kernel.sizes);
    return ProblemKernels{{kernel}};
  }
  std::string describe() const override { return "reference kernels (scalar)"; }
};

}  // namespace

float reference_scaled(int32_t dot, float weight_scale, float token_scale) {
  return static_cast<float>(dot) * (weight_scale / token_scale);
}

float reference_chained(int32_t dot, float activation_scale, uint16_t weight_scale, float y) {
  return numerics::fma(static_cast<float>(dot) * activation_scale, float_from_half(weight_scale),
                       y);
}

float reference_gate_up(float gate, float up, BnEpilogue epilogue) {
  return (epilogue == BN_GATE_UP_SILU ? numerics::silu(gate) : numerics::relu2(gate)) * up;
}

const KernelFunctions& reference_functions() {
  static const KernelFunctions functions{facts, sizes, pack, prepare, run};
  return functions;
}

std::unique_ptr<KernelSource> make_reference_source() {
  return std::make_unique<ReferenceSource>();
}

}  // namespace bitnet
