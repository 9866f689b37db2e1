// Was anybody else using these cores while something was timed? Three signs, each blind to what the
// others see:
//   chain        a loop of dependent multiplies: slow when the hypervisor took the core away
//   throughput   independent vector adds and L1 loads: slow when a sibling hyperthread shares the
//   ports and the clock of
//                the chain does not show it (seen on Zen 4: chain +-7 %, throughput +-26 %)
//   cpu share    CPU time of each thread over wall time of the sample: less than 1 where the
//   scheduler ran others
// The first two are probed just before and just after a sample on all threads at once and compared
// with the lower quartile of the latest probes. (Lost: the best ever. A core's clock settles 9-13 %
// below its idle best while it streams; on a quiet Xeon every one of 510 samples was refused.)
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "runtime/cpu/roof.h"

namespace bitnet {

struct QuietLimits {
  double chain = 1.06, throughput = 1.10;  // times the usual
  double cpu_share = 0.97;
};

class QuietProbe {
 public:
  QuietProbe(int threads, OnAllThreads on_all, QuietLimits limits = {});

  // Probe, run body on this thread (it may use the other threads), probe again. Returns whether the
  // sample counts.
  bool quiet_during(const std::function<void()>& body);

 private:
  struct Sign {
    double chain = 0, throughput = 0;  // seconds, of the slowest thread
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
