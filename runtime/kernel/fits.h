// Whether a kernel may serve a problem, and why not.
#pragma once

#include <string_view>

#include "abi/kernel.h"
#include "runtime/base/result.h"
#include "runtime/kernel/problem.h"

namespace bitnet {

// Whether there is a kernel of these parameters at all.
inline Result<void> fits(std::string_view kernel, const BnFacts& facts) {
  if (facts.unfit == BN_FITS) return {};
  return fail(Error::Kind::unsupported, "{}: {}", kernel, bn_unfit_words(facts.unfit));
}

// sizes: what the kernel answered for the problem's n and k.
inline Result<void> fits(std::string_view kernel, const BnSizes& sizes, const Problem& problem) {
  if (problem.k <= sizes.exact_k) return {};
  return fail(Error::Kind::unsupported, "{}: {}: K={} is above {}, up to which its sums are exact",
              kernel, describe(problem), problem.k, sizes.exact_k);
}

}  // namespace bitnet
