#include "runtime/model/linear.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>

#include "runtime/threads/pool.h"

namespace bitnet {
namespace {

bool is_gate_up(BnEpilogue epilogue) {
  return epilogue == BN_GATE_UP_SILU || epilogue == BN_GATE_UP_RELU2;
}

// A thread's part of the product, (tokens m0..m1) x (rows n0..n1).
struct Part {
  Range tokens, rows;
};

// By the axis that the kernel wants; by rows where tokens are too few to go round.
Part part_of(const BnSizes& sizes, int64_t tokens, int64_t n, int64_t row_step, Share who) {
  const int64_t groups = (tokens + sizes.token_step - 1) / sizes.token_step;
  if (sizes.split == BN_SPLIT_TOKENS && groups >= who.threads)
    return {share(tokens, sizes.token_step, who.threads, who.thread), {0, n}};
  return {{0, tokens}, share(n, row_step, who.threads, who.thread)};
}

}  // namespace

size_t KernelLinear::class_of(int64_t tokens) const {
  for (size_t i = 0; i < kernels_.classes.size(); ++i)
    if (tokens <= kernels_.classes[i].m_max) return i;
  assert(false && "classes cover all numbers of tokens");
  return 0;
}

int64_t KernelLinear::form_bytes(int64_t tokens) const {
  int64_t bytes = 0;
  for (const ClassKernel& kernel : kernels_.classes) {
    const int64_t most = std::min(tokens, kernel.m_max);
    const int64_t groups =
        (most + kernel.sizes.form_group_tokens - 1) / kernel.sizes.form_group_tokens;
    bytes = std::max(bytes, groups * kernel.sizes.form_group_bytes);
  }
  return bytes;
}

int64_t KernelLinear::scratch_bytes() const {
  int64_t bytes = 0;
  for (const ClassKernel& kernel : kernels_.classes)
    bytes = std::max(bytes, kernel.sizes.scratch_bytes);
  return bytes;
}

int64_t KernelLinear::token_group(int64_t tokens) const {
  return kernels_.classes[class_of(tokens)].sizes.form_group_tokens;
}

void KernelLinear::take(const float* x, int64_t token, LinearInput& input) const {
  input.scales.as<float>()[token] =
      floats_.quantize(x, k(), input.x.as<int8_t>() + token * input.ld);
}

void KernelLinear::prepare(int64_t m0, int64_t m1, int64_t tokens, LinearInput& input) const {
  const KernelFunctions& functions = kernels_.classes[class_of(tokens)].functions;
  const BnPrepare prepare{.k = k(),
                          .m0 = m0,
                          .m1 = m1,
                          .x = input.x.as<int8_t>(),
                          .ldx = input.ld,
                          .form = input.form.as<uint8_t>()};
  functions.prepare(&prepare);
  // One thread prepared whole rows, so what there is to join is its own.
}

void KernelLinear::run(int64_t tokens, const LinearInput& input, float* y, int64_t ldy,
                       Share who) const {
  const size_t index = class_of(tokens);
  const ClassKernel& kernel = kernels_.classes[index];
  // A gate row and its up row stay together.
  const int64_t row_step =
      std::lcm(int64_t{kernel.sizes.row_step}, is_gate_up(problem_.epilogue) ? 2 : 1);
  const Part part = part_of(kernel.sizes, tokens, n(), row_step, who);
  if (part.tokens.empty() || part.rows.empty()) return;
  const BnRun run{
      .n = n(),
      .k = k(),
      .m0 = part.tokens.begin,
      .m1 = part.tokens.end,
      .n0 = part.rows.begin,
      .n1 = part.rows.end,
      .packed = weights_.of_class(index),
      .form = input.form.as<uint8_t>(),
      .scratch = const_cast<uint8_t*>(input.scratch[static_cast<size_t>(who.thread)].as<uint8_t>()),
      .token_scale = input.scales.as<float>(),
      .segments = segments_.data(),
      .segment_count = static_cast<int32_t>(segments_.size()),
      .epilogue = problem_.epilogue,
      .y = y,
      .ldy = ldy};
  kernel.functions.run(&run);
}

uint64_t KernelLinear::bytes_per_token() const {
  return static_cast<uint64_t>(kernels_.classes[class_of(1)].sizes.packed_bytes);
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

void FloatLinear::run(int64_t tokens, const LinearInput& input, float* y, int64_t ldy,
                      Share who) const {
  const Range rows = share(n(), 2, who.threads, who.thread);
  const bool gate_up = is_gate_up(problem_.epilogue);
  for (int64_t m = 0; m < tokens; ++m) {
    const float* x = input.floats.as<float>() + m * input.ld;
    float* out = y + m * ldy;
    for (int64_t n = rows.begin; n < rows.end; n += gate_up ? 2 : 1) {
      const float value = row(x, n);
      if (gate_up) {
        const float up = row(x, n + 1);
        floats_.gate(&value, &up, 1, problem_.epilogue == BN_GATE_UP_RELU2, &out[n / 2]);
      } else if (problem_.epilogue == BN_SCALED_ADD) {
        out[n] += value;
      } else {
        out[n] = value;
      }
    }
  }
}

}  // namespace bitnet
