// The roof as a replay sees it: plain reads in the place of the calls, layer by layer in the same
// order through the same bytes, with the same lower quartile over the layers, in the best of the
// roof's styles. A read of everything at once would be compared with calls that others
// did not disturb, and shares would exceed one on a busy machine.
#pragma once

#include <span>
#include <vector>

#include "runtime/cpu/isa.h"
#include "runtime/threads/pool.h"
#include "tuner/packed_stack.h"

namespace bitnet::tuner {

struct ReplayRoof {
  std::vector<double> seconds{};  // to read one layer of each problem
  double bytes_per_second = 0;    // over all of them
};
ReplayRoof read_replay_roof(ThreadPool& pool, std::span<const PackedStack* const> problems,
                            const IsaSet& isa);

}  // namespace bitnet::tuner
