// Rounds of a search: kernels of one packing and token class that are timed together, a halving for
// each problem, and what is made of it.
#pragma once

#include <vector>

#include "tuner/candidates.h"
#include "tuner/compile.h"
#include "tuner/halving.h"
#include "tuner/presets.h"

namespace bitnet::tuner {

using Arms = std::vector<std::vector<const Compiled*>>;  // of each problem

struct Round {
  Arms arms;
  std::vector<Halving> halvings;
};

// Of each problem at most `most`, in their order.
Arms arms_of(const std::vector<Compiled>& kernels, size_t problems, size_t most);
std::vector<Halving> halvings_of(const Arms& arms, const Preset& preset);

// The winner over the incumbent; else the default on the built-in packing, and the least time on
// any other.
std::optional<size_t> best_arm(const std::vector<const Compiled*>& arms, const Halving& halving);

// What a sample of doubted kernels says of one problem. Slower: each of them clearly, by more than
// the noise of the two medians, than the best that is known.
enum class Verdict : uint8_t { slower, not_slower, not_timed };
Verdict verdict_of(const Halving& sample, const Estimate& best);

}  // namespace bitnet::tuner
