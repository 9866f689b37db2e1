// What a search over packings found so far: for each packing, token class and problem the best
// kernel or why there is none, and in the end which packings the problems take.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tuner/packing_search.h"
#include "tuner/round.h"

namespace bitnet::tuner {

// What became of a packing and class at the bench.
struct Timed {
  const Compilation& made;
  const std::vector<Round>& rounds;
  const std::vector<double>& builtin_seconds;  // of each problem
  // Why the first and the latter ended before all was done; empty: they did not.
  std::string_view compiling_ended, timing_ended;
};

class PackingTable {
 public:
  // input must outlive it.
  explicit PackingTable(const SearchInput& input);

  // What follows is of this packing, class by class.
  void begin_packing(const std::string& key);
  void leave_out(const std::string& key, size_t c, const std::string& reason);
  // No candidate was asked for: each problem has its reason.
  void leave_out_missing(const std::string& key, size_t c);

  // Takes what was compiled, for as long as choices point to it.
  const Compilation& keep(std::unique_ptr<Compilation> compilation, size_t c);
  void count_samples(SampleCount count);
  void count_pruned(size_t c, int kernels) { result_.pruned[c] += kernels; }

  // What all packings reached in class c, as ratios to built-in, of each problem; 0: nothing yet.
  std::vector<double> best_ratios(size_t c) const;
  // A class was timed: what follows from its rounds. Every kernel that was timed, for the log.
  std::vector<Record> harvest(const std::string& key, size_t c, const Timed& timed);

  // Chooses, and is empty afterwards.
  SearchResult finish();

 private:
  void leave_out_one(const std::string& key, size_t c, size_t p, const std::string& reason);
  bool has(const std::string& key, size_t c, size_t p) const;
  void name_missing();
  PackingRow best_row(const std::string& key, size_t p, size_t c, const Timed& timed);
  std::string why_none(const PackingRow& row, const Timed& timed) const;
  void take(size_t p, size_t c, const Compiled& kernel, const PackingRow& row);
  Record trial(size_t p, size_t c, const Candidate& candidate, const Estimate& e,
               double builtin_seconds) const;
  void choose();
  ProblemChoice kernels_of(size_t p, const PackingChoice& choice) const;

  const SearchInput& in_;
  SearchResult result_;
  // [class][problem], of the first packing timed: what all packings' ratios are multiplied by, as
  // the machine may be twice as slow minutes later.
  std::vector<std::vector<double>> builtin_seconds_;
  std::vector<std::vector<PackingTimes>> times_;                    // [problem][packing]
  std::vector<std::vector<std::vector<const Compiled*>>> kernels_;  // beside them, [class]
};

}  // namespace bitnet::tuner
