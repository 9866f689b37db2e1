// Which machine this is, as far as speed goes: the performance key of a plan and the name of a
// cache's folder. What a plan may run on (safety) is decided by ISA levels alone, never by this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cpu/isa.h"

namespace bitnet {

struct Machine {
  std::string cpu;                   // "Intel(R) Xeon(R) Processor family 6 model 207 stepping 2"
  std::string isa_levels;            // space-separated, ascending
  std::vector<int64_t> cache_bytes;  // L1d, L2, L3
  int cores = 0;                     // physical, of the whole machine: not of this process's share
  bool operator==(const Machine&) const = default;
  // 8 hexadecimal digits over cpu, caches and cores. The levels stay outside: --isa limits
  // them, and the name must not change with it.
  std::string id() const;
};

// levels: proved_isa(), for what is written down.
Machine this_machine(const IsaSet& levels);
Machine machine_of(const std::string& root,
                   const IsaSet& levels);  // for tests: another file system

}  // namespace bitnet
