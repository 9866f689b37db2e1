// The kernel cache on the disk: whether it can be written, and the way from a plan to the file.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/output_check.h"
#include "tuner/plan_cache.h"

namespace bitnet::tuner {

// Asked before minutes are spent on what could not be kept then: see check_output.
Result<void> check_cache_output(const std::string& path, const OutputPolicy& policy);
// The same for the usual place, whose folder is made and where whatever lies is ours.
Result<void> check_usual_cache(const std::string& path);

// Links, vets as the runtime will, and renames into place. Plans for other thread counts that the
// file holds are kept, also those that another tuner is writing just now; notices: a line for each
// that could not be.
Result<void> write_cache_file(const std::string& path, const Plan& plan, const Machine& machine,
                              const IsaSet& isa, const std::vector<Problem>& problems,
                              std::vector<std::string>& notices);

}  // namespace bitnet::tuner
