// How many threads pay, and how large the caches are: read from /proc and /sys, nothing linked.
// Every function takes the root of the file system, so that tests can hand in trees of other
// machines. What cannot be read is taken as absent; for the caches of this machine (no root) the
// processor is asked then.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitnet {

// Physical cores in this process's affinity mask, at most its cgroup CPU quota (rounded down), at
// least 1.
int default_thread_count();

// Logical CPUs that this process may run on, ascending; empty where the system does not say.
std::vector<int> affinity_cpus();
// Of these logical CPUs, how many sit on different cores. A CPU whose topology is unreadable counts
// as a core.
int physical_cores(std::span<const int> cpus, const std::string& root = "");
// CPUs that the cgroups of this process (v1 and v2, every level up to the root) leave it; nothing
// without a quota.
std::optional<double> cpu_quota(const std::string& root = "");
// Bytes that this process may still take: what the system calls available, and what its cgroups
// leave; nothing where neither says.
std::optional<int64_t> available_memory_bytes(const std::string& root = "");
// Bytes of L1d, L2 and L3 as CPU 0 sees them, missing ones left out: data and unified caches by
// ascending level.
std::vector<int64_t> cache_bytes(const std::string& root = "");

}  // namespace bitnet
