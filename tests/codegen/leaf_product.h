// What the leaf (leaf.c) computes on made-up data, against plain loops.
#pragma once

#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/kernel/product.h"

namespace bitnet::codegen {

inline std::vector<int32_t> plain_dots(const std::vector<int8_t>& trits,
                                       const std::vector<int8_t>& x) {
  std::vector<int32_t> dots(trits.size() / x.size());
  for (size_t i = 0; i < trits.size(); ++i) dots[i / x.size()] += trits[i] * x[i % x.size()];
  return dots;
}

// sizes: what the leaf answers for n and k.
inline bool computes_right(const KernelFunctions& functions, const BnSizes& sizes, int64_t n,
                           int64_t k) {
  std::vector<int8_t> trits(static_cast<size_t>(n * k)), x(static_cast<size_t>(k));
  for (size_t i = 0; i < trits.size(); ++i)
    trits[i] = static_cast<int8_t>(static_cast<int>(i * i % 7 % 3) - 1);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int8_t>(static_cast<int>(i) * 5 - 100);
  const Problem problem{.n = n, .k = k, .epilogue = BN_INT32};
  AlignedBuffer packed(static_cast<size_t>(sizes.packed_bytes));
  pack_rows(problem, functions.pack, {0, n}, trits.data(), nullptr, packed.as<uint8_t>());
  const Product product(problem, {},
                        {{.sizes = sizes, .functions = functions, .packed = packed.as<uint8_t>()}});
  AlignedBuffer form(static_cast<size_t>(product.form_bytes(1)));
  const ProductInput in{.tokens = 1, .x = x.data(), .ldx = k, .form = form.as<uint8_t>()};
  std::vector<int32_t> y(static_cast<size_t>(n));
  product.prepare({0, 1}, in);
  product.run({{0, 1}, {0, n}}, in, nullptr, {y.data(), n});
  return y == plain_dots(trits, x);
}

}  // namespace bitnet::codegen
