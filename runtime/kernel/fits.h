// Whether a kernel may serve a problem, and why not.
#pragma once

#include <string_view>

#include "abi/kernel.h"
#include "runtime/base/result.h"
#include "runtime/kernel/problem.h"

namespace bitnet {

// sizes: what the kernel answered for the problem's n and k.
inline Result<void> fits(std::string_view kernel, const BnSizes& sizes, const Problem& problem) {
  if (problem.k <= sizes.exact_k) return {};
  if (sizes.exact_k <= 0)
    return fail(Error::Kind::unsupported,
                "{}: these parameters do not fit its packing, its registers or its unpacking",
                kernel);
  return fail(Error::Kind::unsupported, "{}: {}: K={} is above {}, up to which its sums are exact",
              kernel, describe(problem), problem.k, sizes.exact_k);
}

}  // namespace bitnet
