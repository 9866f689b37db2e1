#include "tuner/candidates.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

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
              .distance = 0};
  for (size_t i = 0; i < at.size(); ++i)
    c.name.parameters.emplace_back(t.choices[i].first, t.choices[i].second[at[i]]);
  c.changes = decisions_changed(t, c.name);
  c.distance = c.changes;
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

struct Ranked {
  Candidate candidate;
  int near = 0, turn = 0;
  size_t order = 0;  // templates as the catalogue has them, values as it lists them
};

// When not all can stay, the default of each kernel and packing at its best level does, so that
// every packing is tried, then the next neighbours at the best level, even where they stand further
// back, and then the defaults of the next two levels.
int nearness(const Candidate& c, std::span<const Template> templates, std::span<const Isa> levels) {
  const auto depth = std::ranges::find(levels, c.name.isa) - levels.begin();
  if (c.changes == 0 && best_level_of(c.name, templates, levels) == c.name.isa) return 0;
  if (depth == 0 && c.distance <= 1) return 1;
  return depth <= 2 && c.changes == 0 ? 2 : 3;
}

// Lets through what is worth trying for some problem, and counts the rest.
class Sieve {
 public:
  Sieve(const Place& place, std::span<const Problem> problems, int64_t tokens)
      : place_(place), problems_(problems), tokens_(tokens) {}

  // Notes the problems for which it is worth trying.
  bool keep(const Template& t, Candidate& c) {
    for (size_t p = 0; p < problems_.size(); ++p) {
      const std::string_view reason = why_not(t, c.name, place_, problems_[p], tokens_);
      OfPacking& packing = packings_[{c.packing_key, p}];
      if (reason.empty()) {
        c.problems.push_back(p);
        ++packing.kept;
      } else {
        ++left_out_[std::string(reason)];
        packing.reason = reason;
      }
    }
    return problems_.empty() || !c.problems.empty();
  }

  Candidates left() const {
    Candidates result{.kept = {}, .left_out = left_out_, .none_left = {}};
    for (const auto& [key, packing] : packings_)
      if (packing.kept == 0)
        result.none_left.push_back(
            {.packing_key = key.first, .problem = key.second, .reason = packing.reason});
    return result;
  }

 private:
  struct OfPacking {
    int kept = 0;
    std::string reason{};  // the last one
  };
  const Place& place_;
  std::span<const Problem> problems_;
  int64_t tokens_;
  std::map<std::string, int> left_out_;
  std::map<std::pair<std::string, size_t>, OfPacking> packings_;
};

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

Candidates candidates(std::span<const Template> templates, std::span<const Isa> levels,
                      const TokenClass& of_class, const KernelName& builtin, size_t most,
                      const Place& place, std::span<const Problem> problems) {
  std::vector<Ranked> all;
  Sieve sieve(place, problems, of_class.timed);
  for (size_t depth = 0; depth < levels.size(); ++depth) {
    for (const Template& t : templates) {
      if (t.isa != levels[depth] || !of_class.is_covered(t.m_min, t.m_max)) continue;
      for_each_combination(t, [&](const std::vector<size_t>& at) {
        Candidate c = make(t, at);
        if (!sieve.keep(t, c)) return;
        c.distance += 2 * static_cast<int>(depth) +
                      (t.kernel != builtin.kernel || t.packing != builtin.packing);
        const int its_turn = turn(t, c.name, place, of_class.timed);
        all.push_back(
            {.candidate = std::move(c), .near = 0, .turn = its_turn, .order = all.size()});
      });
    }
  }
  for (Ranked& ranked : all) ranked.near = nearness(ranked.candidate, templates, levels);
  std::ranges::sort(all, {}, [](const Ranked& r) {
    return std::tuple(r.near, r.candidate.distance, r.turn, r.order);
  });
  Candidates result = sieve.left();
  for (Ranked& ranked : std::span(all).first(std::min(all.size(), most)))
    result.kept.push_back(std::move(ranked.candidate));
  return result;
}

}  // namespace bitnet::tuner
