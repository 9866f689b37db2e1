#include "tuner/packing_table.h"

#include <algorithm>
#include <functional>
#include <set>

namespace bitnet::tuner {
namespace {

bool uses_two(const PackingChoice& choice) {
  return std::ranges::adjacent_find(choice.of_class, std::not_equal_to<>{}) !=
         choice.of_class.end();
}

// The round that decides a problem: the last one, if it came to anything.
const Round& deciding(const std::vector<Round>& rounds, size_t p) {
  if (rounds.size() == 3 && rounds[2].halvings[p].leader()) return rounds[2];
  return rounds[0].arms[p].empty() && rounds.size() > 1 ? rounds[1] : rounds[0];
}

}  // namespace

PackingTable::PackingTable(const SearchInput& input) : in_(input) {
  const size_t problems = in_.problems.size(), classes = in_.classes.size();
  result_.tried.assign(classes, 0);
  result_.pruned.assign(classes, 0);
  result_.defaults.assign(problems, {.classes = std::vector<const Compiled*>(classes, nullptr)});
  times_.resize(problems);
  kernels_.resize(problems);
  builtin_seconds_.resize(classes);
}

void PackingTable::begin_packing(const std::string& key) {
  for (size_t p = 0; p < in_.problems.size(); ++p) {
    const bool builtin = key == class_of(in_.builtin[p], 1).packing_key;
    times_[p].push_back({.key = key,
                         .builtin = builtin,
                         .bytes = 0,
                         .classes = std::vector<std::optional<ClassTime>>(in_.classes.size())});
    kernels_[p].emplace_back(in_.classes.size(), nullptr);
  }
}

void PackingTable::leave_out(const std::string& key, size_t c, const std::string& reason) {
  for (size_t p = 0; p < in_.problems.size(); ++p) leave_out_one(key, c, p, reason);
}

void PackingTable::leave_out_missing(const std::string& key, size_t c) {
  for (size_t p = 0; p < in_.problems.size(); ++p)
    leave_out_one(key, c, p, missing_reason(in_, key, c, p));
}

void PackingTable::leave_out_one(const std::string& key, size_t c, size_t p,
                                 const std::string& reason) {
  result_.table.push_back({.packing = key,
                           .problem = p,
                           .token_class = c,
                           .kernel = {},
                           .ratio = {},
                           .reason = reason});
}

// Packings that were left out before the search, for all problems: nothing was begun with them.
void PackingTable::name_missing() {
  for (size_t c = 0; c < in_.classes.size(); ++c)
    for (const Candidates::NoneLeft& none : in_.candidates[c].none_left)
      if (!has(none.packing_key, c, none.problem))
        leave_out_one(none.packing_key, c, none.problem, "left out: " + none.reason);
}

bool PackingTable::has(const std::string& key, size_t c, size_t p) const {
  return std::ranges::any_of(result_.table, [&](const PackingRow& row) {
    return row.packing == key && row.token_class == c && row.problem == p;
  });
}

const Compilation& PackingTable::keep(std::unique_ptr<Compilation> compilation, size_t c) {
  const Compilation& kept = *result_.compiled.emplace_back(std::move(compilation));
  for (const Compiled& kernel : kept.kernels)
    if (kernel.candidate.distance == 0) result_.defaults[kernel.problem].classes[c] = &kernel;
  result_.wrong += kept.wrong;
  result_.refused.insert(result_.refused.end(), kept.refused.begin(), kept.refused.end());
  return kept;
}

void PackingTable::count_samples(SampleCount count) {
  result_.samples.all += count.all;
  result_.samples.disturbed += count.disturbed;
}

std::vector<double> PackingTable::best_ratios(size_t c) const {
  std::vector<double> best(in_.problems.size(), 0.0);
  for (const PackingRow& row : result_.table) {
    if (row.token_class != c || row.kernel.empty()) continue;
    double& of_problem = best[row.problem];
    if (of_problem == 0 || row.ratio.ratio < of_problem) of_problem = row.ratio.ratio;
  }
  return best;
}

std::vector<Record> PackingTable::harvest(const std::string& key, size_t c, const Timed& timed) {
  if (builtin_seconds_[c].empty()) builtin_seconds_[c] = timed.builtin_seconds;
  std::vector<Record> records;
  for (size_t p = 0; p < in_.problems.size(); ++p) {
    std::set<const Compiled*> tried;
    for (const Round& round : timed.rounds)
      for (size_t i = 0; i < round.arms[p].size(); ++i) {
        const Estimate e = round.halvings[p].of(i);
        if (e.samples == 0) continue;
        tried.insert(round.arms[p][i]);
        records.push_back(trial(p, c, round.arms[p][i]->candidate, e, timed.builtin_seconds[p]));
      }
    PackingRow row = best_row(key, p, c, timed);
    row.tried = static_cast<int>(tried.size());
    if (row.kernel.empty()) row.reason = why_none(row, timed);
    result_.tried[c] += row.tried;
    result_.table.push_back(std::move(row));
  }
  return records;
}

// Without a kernel and a reason where nothing was timed.
PackingRow PackingTable::best_row(const std::string& key, size_t p, size_t c, const Timed& timed) {
  PackingRow row{.packing = key, .problem = p, .token_class = c, .kernel = {}, .ratio = {}};
  const Round& round = deciding(timed.rounds, p);
  const std::vector<const Compiled*>& arms = round.arms[p];
  const Halving& halving = round.halvings[p];
  const auto best = best_arm(arms, halving);
  if (!best) return row;
  row.kernel = to_string(arms[*best]->candidate.name);
  row.ratio = halving.of(*best);
  // Unmeasured: the default, as good as built-in.
  if (row.ratio.samples == 0) row.ratio = {.ratio = 1, .error = 0.05, .samples = 0};
  row.seconds = row.ratio.ratio * builtin_seconds_[c][p];
  take(p, c, *arms[*best], row);
  return row;
}

// Of a row that best_row() left without a kernel.
std::string PackingTable::why_none(const PackingRow& row, const Timed& timed) const {
  const size_t p = row.problem, c = row.token_class;
  if (!is_asked(in_, row.packing, c, p)) return missing_reason(in_, row.packing, c, p);
  if (!deciding(timed.rounds, p).arms[p].empty())
    return std::string(timed.timing_ended) +
           (row.tried > 0 ? " before its best were timed again" : "");
  return timed.made.cut_short.contains(p) ? std::string(timed.compiling_ended)
                                          : "none of its kernels fits the shape";
}

void PackingTable::take(size_t p, size_t c, const Compiled& kernel, const PackingRow& row) {
  PackingTimes& times = times_[p].back();
  times.classes[c] = ClassTime{.seconds = row.seconds, .error = row.ratio.error / row.ratio.ratio};
  times.bytes = kernel.sizes.packed_bytes * in_.problems[p].count;
  kernels_[p].back()[c] = &kernel;
}

Record PackingTable::trial(size_t p, size_t c, const Candidate& candidate, const Estimate& e,
                           double builtin_seconds) const {
  Record record{.kind = RecordKind::trial, .key = in_.key};
  record.key.problem = in_.problems[p];
  record.key.m_min = in_.classes[c].m_min;
  record.key.kernel = to_string(candidate.name);
  record.key.kernel_hash = candidate.hash;
  record.nanoseconds = 1e9 * e.ratio * builtin_seconds;
  record.ratio = e.ratio;
  record.error = e.error;
  record.samples = e.samples;
  return record;
}

// Problem by problem; a second packing only while all that is taken leaves room for it.
void PackingTable::choose() {
  int64_t taken = 0;
  std::vector<std::optional<PackingChoice>> ones;
  for (const auto& times : times_) {
    ones.push_back(choose_packing(times, in_.classes, 0));
    if (ones.back()) taken += ones.back()->bytes;
  }
  for (size_t p = 0; p < times_.size(); ++p) {
    const int64_t others = taken - (ones[p] ? ones[p]->bytes : 0);
    const auto choice = choose_packing(times_[p], in_.classes, in_.bytes_allowed - others);
    result_.choices.push_back(choice ? kernels_of(p, *choice) : ProblemChoice{});
    const bool two = choice && ones[p] && uses_two(*choice);
    result_.ones.push_back(two ? kernels_of(p, *ones[p]) : ProblemChoice{});
    if (choice) taken = others + choice->bytes;
  }
}

ProblemChoice PackingTable::kernels_of(size_t p, const PackingChoice& choice) const {
  ProblemChoice kernels;
  for (size_t c = 0; c < in_.classes.size(); ++c)
    kernels.classes.push_back(kernels_[p][choice.of_class[c]][c]);
  return kernels;
}

SearchResult PackingTable::finish() {
  name_missing();
  choose();
  return std::move(result_);
}

}  // namespace bitnet::tuner
