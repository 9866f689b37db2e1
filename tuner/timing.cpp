#include "tuner/timing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tuner/halving.h"

namespace bitnet::tuner {
namespace {

// A sample takes at least this: small models are replayed several times.
constexpr double kSampleSeconds = 2e-3;
constexpr int kMostRepeats = 2000;

OnAllThreads on_all(ThreadPool& pool) {
  return [&pool](const std::function<void(int)>& body) { pool.run(body); };
}

}  // namespace

Timing::Timing(ThreadPool& pool, Replay& replay, std::vector<Runner> incumbents)
    : replay_(replay),
      incumbents_(std::move(incumbents)),
      probe_(pool.size(), on_all(pool)),
      incumbent_(incumbents_.size()) {
  replay_.set_repeats(1);
  replay_.run(incumbents_);  // touches everything once
  const std::vector<double> seconds = replay_.run(incumbents_);
  const double one = std::accumulate(seconds.begin(), seconds.end(), 0.0) * replay_.layers();
  replay_.set_repeats(std::clamp(static_cast<int>(std::ceil(kSampleSeconds / std::max(one, 1e-9))),
                                 1, kMostRepeats));
}

std::vector<double> Timing::replay(std::span<const Runner> runners, bool& quiet) {
  std::vector<double> seconds;
  quiet = probe_.quiet_during([&] { seconds = replay_.run(runners); });
  return seconds;
}

Sample Timing::ratios(std::span<const Runner> runners) {
  bool quiet = false, after_quiet = false;
  if (before_.empty()) before_ = replay(incumbents_, before_quiet_);
  last_ = replay(runners, quiet);
  std::vector<double> after = replay(incumbents_, after_quiet);
  Sample sample{.ratios = last_, .quiet = quiet && before_quiet_ && after_quiet};
  for (size_t p = 0; p < last_.size(); ++p) {
    incumbent_[p].push_back(after[p]);
    sample.ratios[p] /= 0.5 * (before_[p] + after[p]);
  }
  before_ = std::move(after);
  before_quiet_ = after_quiet;
  ++count_.all;
  count_.disturbed += !sample.quiet;
  return sample;
}

std::vector<double> Timing::incumbent_seconds() const {
  std::vector<double> medians;
  for (const auto& samples : incumbent_) medians.push_back(estimate(samples).ratio);
  return medians;
}

}  // namespace bitnet::tuner
