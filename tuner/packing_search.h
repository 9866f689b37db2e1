// The search over packings: for each, its candidates of all problems and token classes are
// compiled, checked and timed beside the built-in kernels; then each problem takes the packing, or
// the two, that cost least (packing_choice.h). It reads no clock: see workbench.h.
//
// What a kernel's code makes hopeless is not timed where a sample agrees: two of each problem,
// packing and class, timed beside the best. Where one of them is not clearly slower, all are timed.
//
// Nothing leaves the search without a word: what was timed is a row of the table, what was not is
// there with its reason.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tuner/halving.h"
#include "tuner/listener.h"
#include "tuner/packing_choice.h"
#include "tuner/search_input.h"
#include "tuner/workbench.h"

namespace bitnet::tuner {

// The winner of one problem: a kernel for every token class, on one packing or two.
struct ProblemChoice {
  std::vector<const Compiled*> classes;
};

// One packing's best kernel for a problem and token class, or why there is none.
struct PackingRow {
  std::string packing;
  size_t problem = 0, token_class = 0;
  std::string kernel;    // empty: none was timed
  double seconds = 0;    // of one call
  Estimate ratio;        // to the built-in kernel
  int tried = 0;         // candidates timed
  std::string reason{};  // why there is no kernel
};

struct SearchResult {
  std::vector<ProblemChoice>
      choices;  // of each problem; without classes: nothing better than built-in, or no time
  std::vector<ProblemChoice> ones;  // where two packings were chosen: the best single one's kernels
  std::vector<ProblemChoice>
      defaults;  // of each problem: the built-in kernels' parameters, specialised; null where none
  std::vector<std::unique_ptr<Compilation>> compiled;  // owns what choices point to
  std::vector<PackingRow> table;                       // [packing][class][problem]
  // Of each class, over all packings and problems. tried: candidates timed; pruned: compiled and
  // not timed, but for a sample.
  std::vector<int> tried, pruned;
  std::vector<std::string> refused;  // what does not fit or computes wrongly, a line each
  int wrong = 0;                     // of these, how many compute wrongly
  SampleCount samples;
};

// An interrupted search, or one that runs out of time, answers from what it has.
SearchResult search_packings(const SearchInput& input, Workbench& workbench, Listener& listener);

}  // namespace bitnet::tuner
