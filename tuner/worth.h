// Which values of a kernel's parameters are worth trying on a machine and for a shape, and which of
// them first. The catalogue says what is legal; this says what can matter. It knows parameters by
// the letters that all templates share (templates/params.h), and no kernel: what it leaves out is
// what no kernel could gain by.
//
//   k        a block of K that is not below K, or whose activations and panel fit L1 without one
//   r        panels of more rows than the matrix
//   u        a loop whose one iteration is longer than K
//   t c, r s sums that want more vector registers than the level has
//   k d      tables that do not fit L2
//   b c      more tokens at once than an evaluation has
//   pf ph    prefetching where weights come from a cache, or where a thread's are soon over
//
// A template's defaults are never judged, so every template keeps a candidate. Sizes that are not
// known (no cache_bytes) leave nothing out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/kernel/problem.h"

namespace bitnet::tuner {

// Where kernels are going to work.
struct Place {
  std::vector<int64_t> cache_bytes{};  // L1d, L2, ... of a core; empty: not known
  bool weights_in_memory = true;       // rather than in a cache, call after call
  int threads = 1;
};

// Why these parameters cannot matter for a problem at so many tokens; empty: they are worth trying.
// name: of template t.
std::string_view why_not(const codegen::Template& t, const KernelName& name, const Place& place,
                         const Problem& problem, int64_t tokens);

// How many decisions differ from the template's default: its parameters, but pf and ph are one, the
// style of prefetching.
int decisions_changed(const codegen::Template& t, const KernelName& name);

// Among candidates with as many decisions changed, the lower comes first: near values before far
// ones; the style of prefetching before all else where one token's weights come from memory, and
// after all else where not.
int turn(const codegen::Template& t, const KernelName& name, const Place& place, int64_t tokens);

}  // namespace bitnet::tuner
