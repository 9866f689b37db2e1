#include "runtime/cpu/isa.h"

#include <algorithm>

#include "runtime/cpu/features.h"

namespace bitnet {

std::optional<Isa> parse_isa(std::string_view name) {
  const auto* found = std::ranges::find(kIsaLevels, name, &IsaLevel::name);
  if (found == std::end(kIsaLevels)) return std::nullopt;
  return found->isa;
}

void IsaSet::add(Isa isa) {
  for (; isa != Isa::scalar; isa = level_of(isa).parent) bits_ |= 1U << static_cast<unsigned>(isa);
}

IsaSet IsaSet::limited_to(Isa isa) const {
  IsaSet wanted;
  wanted.add(isa);
  IsaSet both;
  both.bits_ = bits_ & wanted.bits_;
  return both;
}

std::vector<Isa> IsaSet::levels() const {
  std::vector<Isa> all;
  for (const IsaLevel& level : kIsaLevels) {
    if (has(level.isa)) all.push_back(level.isa);
  }
  return all;
}

IsaSet reported_isa() {
  IsaSet set;
  // Parents stand before their children in the table, so one pass suffices.
  for (const IsaLevel& level : kIsaLevels) {
    if (level.architecture == kArchitecture && set.has(level.parent) &&
        reports_features(level.features)) {
      set.add(level.isa);
    }
  }
  return set;
}

}  // namespace bitnet
