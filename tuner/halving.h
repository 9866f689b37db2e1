// Successive halving over the candidates of one problem, as a state machine that reads no clock:
// the caller times what next() names and hands the ratio back, so several problems can share one
// replay and tests can make the noise up.
//
//   ratio   time of the arm over the time of the incumbent in the same round: what drifts for both
//           cancels
//   stage   every arm that is left gets `samples` ratios; the better half goes on with twice the
//           samples
//   final   the two best are measured afresh and only the new ratios count: the best of many noisy
//           arms looks better than it is (of 16 arms equal to the incumbent, one "won" in 28 of 100
//           made-up searches without this)
//   winner  the least median; arms within its noise tie, and ties go to the one nearer the
//   defaults.
//           The incumbent stands at 1, so an arm must beat it by more than the noise or lose.
//
// Halving after Karnin, Koren, Somekh, "Almost optimal exploration in multi-armed bandits", 2013.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace bitnet::tuner {

struct HalvingOptions {
  int first_samples = 3;  // of each arm in the first stage
  int stages = 3;
  int final_samples = 12;  // of the two that are left
  double tie = 0.005;      // medians closer than this are equal whatever their spread says
};

struct Estimate {
  double ratio = 0;  // median
  double error = 0;  // standard error of the median, from the median absolute deviation
  int samples = 0;
};
Estimate estimate(std::vector<double> ratios);

class Halving {
 public:
  // distances[i]: of arm i from the default parameters. No arms: done at once.
  Halving(std::vector<int> distances, HalvingOptions options);

  // The arm to measure next; nothing when done.
  std::optional<size_t> next() const;
  // Of an arm that has too few quiet samples after twice the wanted attempts, disturbed ones count
  // as well: their median is better than no answer.
  void record(size_t arm, double ratio, bool quiet = true);
  // Out of time: next() says nothing any more, winner() answers from what there is.
  void stop() { stopped_ = true; }

  // Samples still to come if nothing is disturbed: for the time left.
  int remaining() const;
  Estimate of(size_t arm) const;
  size_t arms() const { return arms_.size(); }
  int stage() const { return stage_; }
  // Nothing: the incumbent stays.
  std::optional<size_t> winner() const;
  // The least median of those left, whether it beats the incumbent or not.
  std::optional<size_t> leader() const;

 private:
  struct Arm {
    int distance = 0;
    bool alive = true;
    int attempts = 0;               // in this stage
    std::vector<double> ratios;     // of quiet samples
    std::vector<double> disturbed;  // of this stage
  };
  bool in_final() const { return stage_ == options_.stages; }
  int wanted() const {
    return in_final() ? options_.final_samples : options_.first_samples << stage_;
  }
  // The quiet ones, filled up with disturbed ones to the number that is wanted.
  std::vector<double> counted(const Arm& arm) const;
  void end_stage();

  HalvingOptions options_;
  std::vector<Arm> arms_;
  int stage_ = 0;
  bool stopped_ = false;
};

}  // namespace bitnet::tuner
