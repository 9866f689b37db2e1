#include "runtime/cpu/topology.h"

#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>
#include <string_view>

#include "runtime/cpu/processor_caches.h"

namespace bitnet {
namespace {

// First line of a small file; nothing where it cannot be read. Files of /sys and /proc lie about
// their size.
std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.size() > 4096) return std::nullopt;
  return line;
}

// A decimal number at the start of text; the rest is left in `rest`.
std::optional<int64_t> leading_number(std::string_view text, std::string_view* rest = nullptr) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  if (rest != nullptr) *rest = text.substr(static_cast<size_t>(end - text.data()));
  return value;
}

std::optional<double> ratio(std::optional<int64_t> quota, std::optional<int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// v2, "max 100000" or "150000 100000".
std::optional<double> quota_v2(const std::string& folder) {
  const auto line = first_line(folder + "/cpu.max");
  if (!line) return std::nullopt;
  std::string_view rest;
  const auto quota = leading_number(*line, &rest);
  if (!quota || rest.empty()) return std::nullopt;
  return ratio(quota, leading_number(rest.substr(1)));
}

// v1: -1 is no quota.
std::optional<double> quota_v1(const std::string& folder) {
  const auto quota = first_line(folder + "/cpu.cfs_quota_us");
  const auto period = first_line(folder + "/cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return ratio(leading_number(*quota), leading_number(*period));
}

void lower(std::optional<double>& least, std::optional<double> other) {
  if (other && (!least || *other < *least)) least = other;
}

// Memory that a cgroup leaves: its limit less what it uses; "max" is no limit.
std::optional<double> memory_left(const std::string& folder, const char* limit_file,
                                  const char* usage_file) {
  const auto limit_line = first_line(folder + limit_file),
             usage_line = first_line(folder + usage_file);
  if (!limit_line || !usage_line) return std::nullopt;
  const auto limit = leading_number(*limit_line), usage = leading_number(*usage_line);
  if (!limit || !usage) return std::nullopt;
  return static_cast<double>(std::max<int64_t>(0, *limit - *usage));
}
std::optional<double> memory_left_v2(const std::string& folder) {
  return memory_left(folder, "/memory.max", "/memory.current");
}
std::optional<double> memory_left_v1(const std::string& folder) {
  return memory_left(folder, "/memory.limit_in_bytes", "/memory.usage_in_bytes");
}

using Limit = std::optional<double>(const std::string& folder);

// The limit of a cgroup and of every one above it: the least counts. Inside a container the path
// often names a place that its own mount does not have; the walk then finds files only at the root,
// which is right.
std::optional<double> least_of_group(const std::string& mount, std::string group, Limit* limit) {
  std::optional<double> least;
  for (int depth = 0; depth < 64; ++depth) {
    lower(least, limit(mount + group));
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.empty()) break;
    group.resize(slash);
  }
  return least;
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == wanted) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// Of all cgroups of this process, v1 and v2.
std::optional<double> least_limit(const std::string& root, const std::string& controller, Limit* v2,
                                  Limit* v1) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::optional<double> least;
  std::string line;
  for (int lines = 0; lines < 256 && std::getline(file, line);
       ++lines) {  // "4:cpu,cpuacct:/a/b" or "0::/a/b"
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || line.size() > 4096) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    if (group.find("..") != std::string::npos)
      group.clear();  // a namespace above ours: only its root is mounted
    const std::string mount = root + "/sys/fs/cgroup";
    if (controllers.empty()) {
      lower(least, least_of_group(mount, group, v2));
      lower(least, least_of_group(mount + "/unified", group, v2));
    } else if (lists(controllers, controller)) {
      lower(least, least_of_group(mount + "/" + controllers, group, v1));
      if (controllers != controller)
        lower(least, least_of_group(mount + "/" + controller, group, v1));
    }
  }
  return least;
}

// "48K", "2048K", "266240K", "1M" -> bytes.
std::optional<int64_t> size_with_unit(std::string_view text) {
  std::string_view unit;
  const auto number = leading_number(text, &unit);
  if (!number || *number <= 0 || *number > (int64_t{1} << 32)) return std::nullopt;
  if (unit == "K") return *number << 10;
  if (unit == "M") return *number << 20;
  if (unit == "G") return *number << 30;
  return *number;
}

}  // namespace

std::vector<int> affinity_cpus() {
  for (size_t cpus = 1024; cpus <= (size_t{1} << 16); cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) return {};
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    std::vector<int> all;
    const bool known = sched_getaffinity(0, bytes, set) == 0;  // fails while the set is too small
    for (size_t cpu = 0; known && cpu < cpus; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes, set)) all.push_back(static_cast<int>(cpu));
    }
    CPU_FREE(set);
    if (known) return all;
  }
  return {};
}

int physical_cores(std::span<const int> cpus, const std::string& root) {
  std::set<std::string> cores;
  for (int cpu : cpus) {
    const std::string folder = fmt::format("{}/sys/devices/system/cpu/cpu{}/topology/", root, cpu);
    auto siblings = first_line(folder + "core_cpus_list");  // Linux 5.3 and later
    if (!siblings) siblings = first_line(folder + "thread_siblings_list");
    cores.insert(siblings.value_or(fmt::format("cpu {}", cpu)));
  }
  return static_cast<int>(cores.size());
}

std::optional<double> cpu_quota(const std::string& root) {
  return least_limit(root, "cpu", quota_v2, quota_v1);
}

std::optional<int64_t> available_memory_bytes(const std::string& root) {
  std::optional<double> least = least_limit(root, "memory", memory_left_v2, memory_left_v1);
  std::ifstream file(root + "/proc/meminfo");
  constexpr std::string_view kKey = "MemAvailable:";
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kKey)) continue;
    const size_t number = line.find_first_not_of(' ', kKey.size());
    if (number == std::string::npos) break;
    if (const auto kilobytes = leading_number(std::string_view(line).substr(number)))
      lower(least, static_cast<double>(*kilobytes) * 1024);
  }
  return least ? std::optional(static_cast<int64_t>(*least)) : std::nullopt;
}

std::vector<int64_t> cache_bytes(const std::string& root) {
  std::map<int64_t, int64_t> by_level;
  for (int index = 0; index < 16; ++index) {
    const std::string folder =
        fmt::format("{}/sys/devices/system/cpu/cpu0/cache/index{}/", root, index);
    const auto level = first_line(folder + "level");
    const auto size = first_line(folder + "size");
    if (!level || !size || first_line(folder + "type") == "Instruction") continue;
    const auto number = leading_number(*level);
    const auto bytes = size_with_unit(*size);
    if (number && bytes) by_level[*number] = *bytes;
  }
  std::vector<int64_t> all;
  for (const auto& [level, bytes] : by_level) all.push_back(bytes);
  return all.empty() && root.empty() ? processor_cache_bytes() : all;
}

int default_thread_count() {
  const std::vector<int> cpus = affinity_cpus();
  double threads = physical_cores(cpus);
  if (const auto quota = cpu_quota())
    threads = std::min(threads, *quota);  // rounded down below: no libm here
  return std::max(1, static_cast<int>(threads));
}

}  // namespace bitnet
