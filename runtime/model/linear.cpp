#include "runtime/model/linear.h"

#include <cassert>
#include <cstring>

#include "runtime/threads/pool.h"

namespace bitnet {
namespace {

ProductInput product_input(int64_t tokens, LinearInput& input) {
  return {.tokens = tokens,
          .x = input.x.as<int8_t>(),
          .ldx = input.ld,
          .scales = input.scales.as<float>(),
          .form = input.form.as<uint8_t>()};
}

}  // namespace

void KernelLinear::take(const float* x, int64_t token, LinearInput& input) const {
  int8_t* q = input.x.as<int8_t>() + token * input.ld;
  const int64_t group = problem_.group;
  if (group == 0) {
    input.scales.as<float>()[token] = floats_.quantize(x, k(), q);
    return;
  }
  float* scales = input.scales.as<float>() + token * (k() / group);
  for (int64_t g = 0; g < k() / group; ++g)
    scales[g] = floats_.quantize_group(x + g * group, group, q + g * group);
}

void KernelLinear::prepare(int64_t m0, int64_t m1, int64_t tokens, LinearInput& input) const {
  product_.prepare({m0, m1}, product_input(tokens, input));
}

void KernelLinear::run(int64_t tokens, LinearInput& input, const LinearOutput& out,
                       Share who) const {
  uint8_t* scratch = input.scratch[static_cast<size_t>(who.thread)].as<uint8_t>();
  product_.run(product_.part_of(tokens, who), product_input(tokens, input), scratch,
               {out.y, out.ldy, out.residual_scale});
}

uint64_t KernelLinear::bytes_per_token() const {
  return static_cast<uint64_t>(product_.kernel(1).sizes.packed_bytes);
}

void FloatLinear::take(const float* x, int64_t token, LinearInput& input) const {
  std::memcpy(input.floats.as<float>() + token * input.ld, x,
              static_cast<size_t>(k()) * sizeof(float));
}

float FloatLinear::row(const float* x, int64_t n) const {
  const float dot = floats_.ternary_dot(trits_.as<int8_t>() + n * k(), x, k());
  for (const BnSegment& s : segments_)
    if (n >= s.row_begin && n < s.row_end && (n - s.row_begin) % s.row_stride == 0)
      return dot * s.weight_scale;
  assert(false && "a row belongs to a segment");
  return 0;
}

void FloatLinear::run(int64_t tokens, LinearInput& input, const LinearOutput& out,
                      Share who) const {
  const Range rows = share(n(), 2, who.threads, who.thread);
  const bool gate_up = is_gate_up(problem_.epilogue);
  for (int64_t m = 0; m < tokens; ++m) {
    const float* x = input.floats.as<float>() + m * input.ld;
    float* y = out.y + m * out.ldy;
    for (int64_t n = rows.begin; n < rows.end; n += gate_up ? 2 : 1) {
      const float value = row(x, n);
      if (gate_up) {
        const float up = row(x, n + 1);
        floats_.gate(&value, &up, 1, problem_.epilogue == BN_GATE_UP_RELU2, &y[n / 2]);
      } else if (problem_.epilogue == BN_SCALED_ADD) {
        y[n] = y[n] + value * out.residual_scale;
      } else {
        y[n] = value;
      }
    }
  }
}

}  // namespace bitnet
