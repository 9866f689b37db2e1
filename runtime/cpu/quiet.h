// Was anybody else using these cores while something was timed? Three signs, each blind to what the
// others see:
//   chain       a loop of dependent multiplies: slow when the hypervisor took the core away
//   sharing     independent vector adds and L1 loads, over the chain's time: slow when a sibling
//               hyperthread shares the ports, which the chain does not show (seen on Zen 4: chain
//               +-7 %, adds and loads +-26 %)
//   cpu share   CPU time of each thread over wall time of the sample: less than 1 where the
//               scheduler ran others
// The first two are probed just before and just after a sample on all threads at once.
//
// A sample is disturbed where a sign is unusual for this machine now (Lately): beyond its limit
// over the lower quartile of the latest ones, and beyond seven in eight of them. The limits alone
// let pass what a sample survives on a quiet machine: a Xeon's clock moves in steps of 3.3 % and is
// one to three steps off in every third probe, which the incumbent's samples before and after
// cancel. Alone they refused 91 to 100 % of the samples on machines that are never quiet, whose
// ratios repeated within 1 % all the same.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "runtime/cpu/roof.h"

namespace bitnet {

// The latest values of a sign.
class Lately {
 public:
  void add(double value);
  // Above `factor` times the lower quartile and above seven in eight of them.
  bool is_unusual(double value, double factor) const;

 private:
  std::vector<double> latest_;  // a ring
  size_t oldest_ = 0;
};

// Times the usual.
struct QuietLimits {
  double chain = 1.12, sharing = 1.10;
  double wall = 1.11;  // wall time over CPU time
};

class QuietProbe {
 public:
  QuietProbe(int threads, OnAllThreads on_all, QuietLimits limits = {});

  // Probe, run body on this thread (it may use the other threads), probe again. Returns whether the
  // sample counts.
  bool quiet_during(const std::function<void()>& body);

 private:
  // Whether what the threads probe now is usual.
  bool probe();
  // Runs body; wall time over the CPU time of the thread that had least.
  double wall_over_cpu(const std::function<void()>& body);
  std::vector<double> cpu_seconds();

  int threads_;
  OnAllThreads on_all_;
  QuietLimits limits_;
  Lately chain_, sharing_, wall_;
};

}  // namespace bitnet
