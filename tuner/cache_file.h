// The kernel cache on the disk: whether it can be written, and the way from a plan to the file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tuner/plan_cache.h"

namespace bitnet::tuner {

// Asked before minutes are spent on what could not be kept then. Makes the folder.
Result<void> check_writable(const std::filesystem::path& path);

// Links, vets as the runtime will, and renames into place. Plans for other thread counts that the
// file holds are kept; notices: a line for each that could not be.
Result<void> write_cache_file(const std::string& path, const Plan& plan, const Machine& machine,
                              const IsaSet& isa, const std::vector<Problem>& problems,
                              std::vector<std::string>& notices);

}  // namespace bitnet::tuner
