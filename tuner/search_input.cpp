#include "tuner/search_input.h"

#include <algorithm>
#include <numeric>

namespace bitnet::tuner {

std::vector<std::string> packing_keys(const SearchInput& input) {
  std::vector<std::string> keys;
  const auto add = [&](const std::string& key) {
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  };
  for (const TokenClass& c : input.classes)
    add(class_of(input.builtin.front(), c.timed).packing_key);
  for (const Candidates& of_class : input.candidates)
    for (const Candidate& candidate : of_class.kept) add(candidate.packing_key);
  return keys;
}

std::vector<CompileJob> jobs_of(const SearchInput& input, const std::string& key, size_t c) {
  std::vector<size_t> all(input.problems.size());
  std::iota(all.begin(), all.end(), size_t{0});
  std::vector<CompileJob> jobs;
  for (const Candidate& candidate : input.candidates[c].kept) {
    if (candidate.packing_key != key) continue;
    jobs.push_back({.candidate = candidate,
                    .problems = candidate.problems.empty() ? all : candidate.problems});
  }
  return jobs;
}

bool is_asked(const SearchInput& input, const std::string& key, size_t c, size_t p) {
  return std::ranges::any_of(jobs_of(input, key, c), [&](const CompileJob& job) {
    return std::ranges::count(job.problems, p) > 0;
  });
}

std::string missing_reason(const SearchInput& input, const std::string& key, size_t c, size_t p) {
  for (const Candidates::NoneLeft& none : input.candidates[c].none_left)
    if (none.packing_key == key && none.problem == p) return "left out: " + none.reason;
  return fmt::format("no candidate of {} for {} tokens is among the {} that preset {} tries", key,
                     label(input.classes[c]), input.candidates[c].kept.size(), input.preset.name);
}

}  // namespace bitnet::tuner
