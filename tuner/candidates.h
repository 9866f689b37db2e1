// Which kernels are tried for a model's problems: every template of the levels in hand, over the
// values that the catalogue offers and that can matter on this machine and for these shapes
// (worth.h). The nearest to the defaults come first, so that a preset is a number: how many are
// kept.
//
//   distance   decisions that differ from the default (how to prefetch is one); each level below
//              the best counts as two, a packing or kernel other than the built-in one's as one
//
// Other levels' kernels at their own defaults come right after the neighbours of the built-in one:
// where 512-bit instructions lower the clock, or two loads a cycle are the limit, a 256-bit branch
// of the tree can win.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/base/result.h"
#include "runtime/cpu/isa.h"
#include "runtime/kernel/kernel.h"
#include "tuner/token_classes.h"
#include "tuner/worth.h"

namespace bitnet::tuner {

struct Candidate {
  KernelName name;
  std::string packing_key;  // "t2_r32"
  std::string form, hash;   // of its template
  int64_t m_min = 1, m_max = kAnyTokens;
  int changes = 0;   // decisions that differ from its template's default
  int distance = 0;  // from the built-in default; 0 is that itself
  // Those for which it is worth trying, indices; empty: not asked, all of them.
  std::vector<size_t> problems{};
};

// What can be tried for a token class.
struct Candidates {
  std::vector<Candidate> kept;  // nearest first
  // Why others were left out, for how many pairs of a candidate and a problem.
  std::map<std::string, int> left_out;
  // Packings of which no candidate is left for a problem.
  struct NoneLeft {
    std::string packing_key;
    size_t problem = 0;
    std::string reason;
  };
  std::vector<NoneLeft> none_left;
};

// The packing and the parameters that fix its bytes, as the kernel's template states them; just the
// packing where there is no such template.
std::string packing_key(const KernelName& name);

// The levels whose templates may be tried, best first: all of `isa` that have any. A set may hold
// two branches of the tree, avxvnni and avx512vnni; so may a cache.
std::vector<Isa> search_levels(const IsaSet& isa, std::span<const codegen::Template> templates);

// Candidates whose templates serve all of a token class, at most `most`. The defaults of each
// kernel and packing at its best level come first, so even a quick search tries every packing.
Candidates candidates(std::span<const codegen::Template> templates, std::span<const Isa> levels,
                      const TokenClass& of_class, const KernelName& builtin, size_t most,
                      const Place& place, std::span<const Problem> problems);

}  // namespace bitnet::tuner
