// Presets: how much effort a search spends, in the order of it. One table, of which the command
// line, the search and the memory of earlier choices take what they need.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace bitnet::tuner {

// How many candidates of a problem and class a preset tries, and how long it may take.
struct Preset {
  std::string_view name;
  size_t candidates;
  int first_samples, stages, final_samples;
  double budget_seconds;
};
Result<Preset> find_preset(std::string_view name);
std::vector<std::string> preset_names();

// A choice made with more effort answers for less. The place in the order; -1: unknown.
int effort(std::string_view preset);

}  // namespace bitnet::tuner
