// From a plan to a cache file's bytes: objects linked once each, a manifest beside them, and the
// plans for other thread counts that the file held before (their kernels are specialised again, 50
// to 150 ms each, and the same bytes come out).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/kernel/manifest.h"
#include "tuner/plan.h"

namespace bitnet::tuner {

// A problem without kernels of its own is left out: the built-in ones answer for it. previous: the
// file's bytes so far, empty if there are none. notices: one line for each old plan
// that could not be kept.
Result<std::vector<std::byte>> link_plan(const Plan& plan, const Machine& machine,
                                         const IsaSet& isa, const std::vector<Problem>& problems,
                                         std::span<const std::byte> previous,
                                         std::vector<std::string>& notices);

}  // namespace bitnet::tuner
