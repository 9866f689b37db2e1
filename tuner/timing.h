// Samples: a replay with candidates beside a replay with the built-in kernels, and whether anybody
// disturbed them.
#pragma once

#include <optional>
#include <vector>

#include "runtime/cpu/quiet.h"
#include "runtime/cpu/roof.h"
#include "tuner/replay.h"

namespace bitnet::tuner {

struct SampleCount {
  int all = 0, disturbed = 0;
};

class Timing {
 public:
  // incumbents[p]: the built-in kernel of problems[p].
  Timing(ThreadPool& pool, Replay& replay, std::vector<Runner> incumbents);

  // Time of each runner over the mean of the incumbent's just before and just after. Nothing:
  // disturbed. On a machine that is never quiet (more than half of the last samples disturbed, or
  // some in a row) samples count all the same: the median and the incumbent beside them have to do.
  std::optional<std::vector<double>> ratios(std::span<const Runner> runners);
  // The last ratios, disturbed or not.
  const std::vector<double>& last_ratios() const { return last_ratios_; }

  // Seconds of one call of each of the last runners.
  const std::vector<double>& last_seconds() const { return last_; }
  // Seconds of one call of the incumbents: medians of all samples so far.
  std::vector<double> incumbent_seconds() const;
  SampleCount count() const { return count_; }

 private:
  // Replays runners; says whether it was quiet.
  std::vector<double> sample(std::span<const Runner> runners, bool& quiet);

  Replay& replay_;
  std::vector<Runner> incumbents_;
  QuietProbe probe_;
  std::vector<double> last_, last_ratios_;
  std::vector<double> before_;  // the incumbents' last sample
  bool before_quiet_ = false;
  std::vector<std::vector<double>> incumbent_;  // [problem][sample]
  SampleCount count_;
  double recently_disturbed_ = 0;  // moving average, 0..1
  int disturbed_in_a_row_ = 0;
};

}  // namespace bitnet::tuner
