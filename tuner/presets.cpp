#include "tuner/presets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace bitnet::tuner {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();
constexpr std::array<Preset, 4> kPresets{{
    {"quick", 10, 2, 2, 8, 15},
    {"normal", 40, 3, 3, 12, 60},
    {"thorough", 160, 3, 4, 24, 600},
    {"exhaustive", kAll, 5, 5, 40, 7200},
}};

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

Result<Preset> find_preset(std::string_view name) {
  const int place = effort(name);
  if (place < 0)
    return fail(Error::Kind::invalid, "preset '{}' is none of {}", name,
                fmt::join(preset_names(), ", "));
  return kPresets[static_cast<size_t>(place)];
}

int effort(std::string_view preset) {
  const auto* found = std::ranges::find(kPresets, preset, &Preset::name);
  return found == kPresets.end() ? -1 : static_cast<int>(found - kPresets.begin());
}

}  // namespace bitnet::tuner
