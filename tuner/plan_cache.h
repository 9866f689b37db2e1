// From a plan to a cache file's bytes: objects linked once each, a manifest beside them, and the
// plans for other thread counts that the file held before (their kernels are specialised again: it
// takes milliseconds and the same bytes come out).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/base/result.h"
#include "runtime/kernel/manifest.h"

namespace bitnet::tuner {

struct PlannedClass {
  int64_t m_min = 1, m_max = 0;
  const codegen::Object* object = nullptr;
  std::string packing_key{}, form{};
  BnSizes sizes{};
  double nanoseconds = 0, builtin_nanoseconds = 0, roof_share = 0;
};
struct PlannedProblem {
  Problem problem{};
  std::vector<PlannedClass> classes{};
};
struct Plan {
  int threads = 1;
  std::string objective = "balanced";
  std::vector<PlannedProblem> problems{};  // a problem left out is answered by the built-in kernels
};

// previous: the file's bytes so far, empty if there are none. notices: one line for each old plan
// that could not be kept.
Result<std::vector<std::byte>> link_plan(const Plan& plan, const Machine& machine,
                                         const IsaSet& isa, const std::vector<Problem>& problems,
                                         std::span<const std::byte> previous,
                                         std::vector<std::string>& notices);

}  // namespace bitnet::tuner
