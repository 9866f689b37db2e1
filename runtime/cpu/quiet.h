// Was anybody else using these cores while something was timed? Three signs, each blind to what the
// others see:
//   chain       a loop of dependent multiplies: slow when the hypervisor took the core away
//   sharing     independent vector adds and L1 loads, over the chain's time: slow when a sibling
//               hyperthread shares the ports, which the chain does not show (seen on Zen 4: chain
//               +-7 %, adds and loads +-26 %)
//   cpu share   CPU time of each thread over wall time of the sample: less than 1 where the
//               scheduler ran others
// The first two are probed just before and just after a sample on all threads at once and compared
// with the lower quartile of the latest probes. The limits let pass what a sample survives: a
// Xeon's clock moves in steps of 3.3 % and is one to three steps off in every third probe, which
// the incumbent's samples before and after cancel; and who takes the lower quartile over many calls
// does not see a few lost ones. (Tried on that Xeon when nothing else ran: 1.06 for the chain, 1.10
// for cold loads, 0.97 for the share refused 96 % of 113 comparisons, these limits about 18 %.)
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "runtime/cpu/roof.h"

namespace bitnet {

struct QuietLimits {
  double chain = 1.12, sharing = 1.10;  // times the usual
  double cpu_share = 0.90;
};

class QuietProbe {
 public:
  QuietProbe(int threads, OnAllThreads on_all, QuietLimits limits = {});

  // Probe, run body on this thread (it may use the other threads), probe again. Returns whether the
  // sample counts.
  bool quiet_during(const std::function<void()>& body);

 private:
  struct Sign {
    double chain = 0;    // seconds, of the slowest thread
    double sharing = 0;  // seconds of adds and loads over those of the chain, likewise
  };
  Sign probe();
  std::vector<double> cpu_seconds();
  bool within_limits(const Sign& sign) const;
  Sign usual() const;

  int threads_;
  OnAllThreads on_all_;
  QuietLimits limits_;
  std::vector<Sign> latest_;  // of all threads, a ring
  size_t oldest_ = 0;
};

}  // namespace bitnet
