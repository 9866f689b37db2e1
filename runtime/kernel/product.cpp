#include "runtime/kernel/product.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace bitnet {
namespace {

int64_t form_bytes_of(const BnSizes& sizes, int64_t tokens) {
  const int64_t groups = (tokens + sizes.form_group_tokens - 1) / sizes.form_group_tokens;
  return groups * sizes.form_group_bytes;
}

int64_t row_step(const BnSizes& sizes, BnEpilogue epilogue) {
  return std::lcm(int64_t{sizes.row_step}, int64_t{is_gate_up(epilogue) ? 2 : 1});
}

}  // namespace

Product::Product(const Problem& problem, std::vector<BnSegment> segments,
                 std::vector<ProductKernel> kernels)
    : problem_(problem), segments_(std::move(segments)), kernels_(std::move(kernels)) {
  assert(!kernels_.empty() && kernels_.back().m_max == kAnyTokens);
  assert(!problem.group || problem.epilogue != BN_INT32);
}

const ProductKernel& Product::kernel(int64_t tokens) const {
  return *std::ranges::find_if(kernels_, [&](const ProductKernel& k) { return tokens <= k.m_max; });
}

int64_t Product::form_bytes(int64_t tokens) const {
  int64_t bytes = 0;
  for (const ProductKernel& kernel : kernels_)
    bytes = std::max(bytes, form_bytes_of(kernel.sizes, std::min(tokens, kernel.m_max)));
  return bytes;
}

int64_t Product::scratch_bytes() const {
  int64_t bytes = 0;
  for (const ProductKernel& kernel : kernels_) bytes = std::max(bytes, kernel.sizes.scratch_bytes);
  return bytes;
}

Part Product::part_of(int64_t tokens, Share who) const {
  const BnSizes& sizes = kernel(tokens).sizes;
  const int64_t groups = (tokens + sizes.token_step - 1) / sizes.token_step;
  if (sizes.split == BN_SPLIT_TOKENS && groups >= who.threads)
    return {share(tokens, sizes.token_step, who.threads, who.thread), {0, problem_.n}};
  return {{0, tokens},
          share(problem_.n, row_step(sizes, problem_.epilogue), who.threads, who.thread)};
}

void Product::prepare(Range tokens, const ProductInput& in) const {
  if (tokens.empty()) return;
  const BnPrepare prepare{.k = problem_.k,
                          .m0 = tokens.begin,
                          .m1 = tokens.end,
                          .x = in.x,
                          .ldx = in.ldx,
                          .group = problem_.group,
                          .group_scales = problem_.group ? in.scales : nullptr,
                          .form = in.form};
  kernel(in.tokens).functions.prepare(&prepare);
}

void Product::run(const Part& part, const ProductInput& in, uint8_t* scratch,
                  const ProductOutput& out) const {
  if (part.tokens.empty() || part.rows.empty()) return;
  const ProductKernel& kernel = this->kernel(in.tokens);
  const BnRun run{.n = problem_.n,
                  .k = problem_.k,
                  .group = problem_.group,
                  .m0 = part.tokens.begin,
                  .m1 = part.tokens.end,
                  .n0 = part.rows.begin,
                  .n1 = part.rows.end,
                  .packed = kernel.packed,
                  .form = in.form,
                  .scratch = scratch,
                  .token_scale = problem_.group ? nullptr : in.scales,
                  .segments = segments_.data(),
                  .segment_count = static_cast<int32_t>(segments_.size()),
                  .epilogue = problem_.epilogue,
                  .y = out.y,
                  .ldy = out.ldy,
                  .residual_scale = out.residual_scale};
  kernel.functions.run(&run);
}

void pack_rows(const Problem& problem, BnPackFn* pack, Range rows, const int8_t* trits,
               const uint16_t* scales, uint8_t* packed) {
  const BnPack job{.n = problem.n,
                   .k = problem.k,
                   .n0 = rows.begin,
                   .n1 = rows.end,
                   .group = problem.group,
                   .trits = trits,
                   .scales = scales,
                   .packed = packed};
  pack(&job);
}

std::vector<BnSegment> one_scale(const Problem& problem, float scale) {
  const auto rows = static_cast<int32_t>(problem.n);
  if (is_gate_up(problem.epilogue)) return {{0, rows, 2, scale}, {1, rows, 2, scale}};
  return {{0, rows, 1, scale}};
}

}  // namespace bitnet
