#include "tuner/candidates.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace bitnet::tuner {
namespace {

using codegen::Template;

// Calls visit with every combination of a template's choices, as positions into them.
template <typename Visit>
void for_each_combination(const Template& t, const Visit& visit) {
  std::vector<size_t> at(t.choices.size(), 0);
  for (;;) {
    visit(at);
    size_t place = 0;
    while (place < at.size() && ++at[place] >= t.choices[place].second.size()) at[place++] = 0;
    if (place == at.size()) return;
  }
}

int64_t default_of(const Template& t, const std::string& key) {
  for (const auto& [name, value] : t.defaults) {
    if (name == key) return value;
  }
  return 0;
}

std::string packing_key(const Template& t, const KernelName& name) {
  std::string key = t.packing;
  for (const std::string& letter : t.layout)
    key += fmt::format("_{}{}", letter, name.parameter(letter).value_or(0));
  return key;
}

Candidate make(const Template& t, const std::vector<size_t>& at) {
  Candidate c{.name = {t.kernel, t.packing, t.isa, {}},
              .packing_key = {},
              .form = t.form,
              .hash = t.hash,
              .m_min = t.m_min,
              .m_max = t.m_max,
              .changes = 0,
              .complexity = 0};
  for (size_t i = 0; i < at.size(); ++i) {
    const auto& [key, values] = t.choices[i];
    c.name.parameters.emplace_back(key, values[at[i]]);
    c.changes += values[at[i]] != default_of(t, key);
  }
  c.complexity = c.changes;
  c.packing_key = packing_key(t, c.name);
  return c;
}

// A level without a template of its own for a kernel and packing has its parent's.
Isa best_level_of(const KernelName& name, std::span<const Template> templates,
                  std::span<const Isa> levels) {
  const auto has = [&](Isa level) {
    return std::ranges::any_of(templates, [&](const Template& t) {
      return t.isa == level && t.kernel == name.kernel && t.packing == name.packing;
    });
  };
  return *std::ranges::find_if(levels, has);
}

}  // namespace

std::string packing_key(const KernelName& name) {
  const Template* made_from = codegen::find_template(name);
  return made_from == nullptr ? name.packing : packing_key(*made_from, name);
}

std::vector<Isa> search_levels(const IsaSet& isa, std::span<const Template> templates) {
  std::vector<Isa> levels = isa.levels();
  std::erase_if(levels, [&](Isa level) {
    return std::ranges::none_of(templates, [&](const Template& t) { return t.isa == level; });
  });
  std::ranges::reverse(levels);
  return levels;
}

std::vector<Candidate> candidates(std::span<const Template> templates, std::span<const Isa> levels,
                                  const TokenClass& of_class, const KernelName& builtin,
                                  size_t most) {
  std::vector<Candidate> all;
  for (size_t depth = 0; depth < levels.size(); ++depth) {
    for (const Template& t : templates) {
      if (t.isa != levels[depth] || !of_class.is_covered(t.m_min, t.m_max)) continue;
      for_each_combination(t, [&](const std::vector<size_t>& at) {
        Candidate c = make(t, at);
        c.complexity += 2 * static_cast<int>(depth) +
                        (t.kernel != builtin.kernel || t.packing != builtin.packing);
        all.push_back(std::move(c));
      });
    }
  }
  // Templates in the catalogue's order, values in the order in which it lists them. When not all
  // can stay, the default of each kernel and packing at its best level does, so that every packing
  // is tried, then the next neighbours at the best level, even where they stand further back, and
  // then the defaults of the next two levels.
  const auto near = [&](const Candidate& c) {
    const auto depth = std::ranges::find(levels, c.name.isa) - levels.begin();
    if (c.changes == 0 && best_level_of(c.name, templates, levels) == c.name.isa) return 0;
    if (depth == 0 && c.complexity <= 1) return 1;
    return depth <= 2 && c.changes == 0 ? 2 : 3;
  };
  const auto rank = [&](const Candidate& c) { return std::pair(near(c), c.complexity); };
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return std::pair(rank(all[i]), i); });
  order.resize(std::min(order.size(), most));
  std::vector<Candidate> kept;
  for (size_t i : order) kept.push_back(std::move(all[i]));
  return kept;
}

Result<Preset> find_preset(std::string_view name) {
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  static constexpr std::array<Preset, 4> kPresets{{
      {"quick", 10, 2, 2, 8, 15},
      {"normal", 40, 3, 3, 12, 60},
      {"thorough", 160, 3, 4, 24, 600},
      {"exhaustive", kAll, 5, 5, 40, 7200},
  }};
  const auto* found = std::ranges::find(kPresets, name, &Preset::name);
  if (found == kPresets.end()) {
    return fail(Error::Kind::invalid, "preset '{}' is none of quick, normal, thorough, exhaustive",
                name);
  }
  return *found;
}

}  // namespace bitnet::tuner
