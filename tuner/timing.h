// Samples: a replay with candidates beside a replay with the built-in kernels, and whether anybody
// disturbed them.
#pragma once

#include <vector>

#include "runtime/cpu/quiet.h"
#include "runtime/cpu/roof.h"
#include "tuner/replay.h"
#include "tuner/sample.h"

namespace bitnet::tuner {

class Timing {
 public:
  // incumbents[p]: the built-in kernel of problems[p].
  Timing(ThreadPool& pool, Replay& replay, std::vector<Runner> incumbents);

  // Time of each runner over the mean of the incumbent's just before and just after.
  Sample ratios(std::span<const Runner> runners);

  // Runs the incumbents, untimed: what ran last before every sample. For whoever has read other
  // weights since, which would be in the caches in their place.
  void leave_incumbents_in_cache() { replay_.run(incumbents_); }

  // Seconds of one call of each of the last runners.
  const std::vector<double>& last_seconds() const { return last_; }
  // Seconds of one call of the incumbents: medians of all samples so far.
  std::vector<double> incumbent_seconds() const;
  SampleCount count() const { return count_; }

 private:
  // Replays runners; says whether it was quiet.
  std::vector<double> replay(std::span<const Runner> runners, bool& quiet);

  Replay& replay_;
  std::vector<Runner> incumbents_;
  QuietProbe probe_;
  std::vector<double> last_;
  std::vector<double> before_;  // the incumbents' last sample
  bool before_quiet_ = false;
  std::vector<std::vector<double>> incumbent_;  // [problem][sample]
  SampleCount count_;
};

}  // namespace bitnet::tuner
