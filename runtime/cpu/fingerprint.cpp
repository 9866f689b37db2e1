#include "runtime/cpu/fingerprint.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string_view>

#include "runtime/base/trimmed.h"
#include "runtime/base/xxh3.h"
#include "runtime/cpu/topology.h"

namespace bitnet {
namespace {

// The first processor's fields of /proc/cpuinfo. Lines are "key<tabs>: value".
std::map<std::string, std::string, std::less<>> first_processor(const std::string& root) {
  std::map<std::string, std::string, std::less<>> fields;
  std::ifstream file(root + "/proc/cpuinfo");
  std::string line;
  while (fields.size() < 64 && std::getline(file, line) && !line.empty()) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    fields.emplace(trimmed(std::string_view(line).substr(0, colon)),
                   trimmed(std::string_view(line).substr(colon + 1)));
  }
  return fields;
}

// x86 has names and numbers, AArch64 only numbers.
std::string cpu_name(const std::string& root) {
  const auto fields = first_processor(root);
  std::string name;
  const auto append = [&](std::string_view key, std::string_view label) {
    const auto found = fields.find(key);
    if (found == fields.end() || found->second.empty()) return;
    name += fmt::format("{}{}{}", name.empty() ? "" : " ", label, found->second.substr(0, 128));
  };
  append("model name", "");
  append("cpu family", "family ");
  append("model", "model ");
  append("stepping", "stepping ");
  append("CPU implementer", "implementer ");
  append("CPU part", "part ");
  append("CPU variant", "variant ");
  append("CPU revision", "revision ");
  return name.empty() ? "unknown CPU" : name;
}

// "0-63,128-191" -> numbers; nothing past 65536.
std::vector<int> cpu_list(std::string_view text) {
  std::vector<int> cpus;
  int number = 0, begin = -1;
  bool digits = false;
  const auto finish = [&] {
    if (digits) {
      for (int cpu = begin < 0 ? number : begin; cpu <= number; ++cpu) cpus.push_back(cpu);
    }
    number = 0;
    begin = -1;
    digits = false;
  };
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      number = std::min(number * 10 + (c - '0'), 65536);
      digits = true;
    } else if (c == '-') {
      begin = number;
      number = 0;
    } else {
      finish();
    }
  }
  finish();
  return cpus;
}

int machine_cores(const std::string& root) {
  std::ifstream file(root + "/sys/devices/system/cpu/online");
  std::string line;
  std::getline(file, line);
  const std::vector<int> cpus = cpu_list(line);
  return std::max(1, physical_cores(cpus, root));
}

}  // namespace

std::string Machine::id() const {
  std::string text = cpu;
  for (int64_t bytes : cache_bytes) text += fmt::format("|{}", bytes);
  text += fmt::format("|{}", cores);
  return fmt::format("{:08x}", static_cast<uint32_t>(XXH3_64bits(text.data(), text.size())));
}

Machine machine_of(const std::string& root, const IsaSet& levels) {
  Machine machine{.cpu = cpu_name(root),
                  .isa_levels = "",
                  .cache_bytes = cache_bytes(root),
                  .cores = machine_cores(root)};
  for (Isa isa : levels.levels()) {
    if (!machine.isa_levels.empty()) machine.isa_levels += ' ';
    machine.isa_levels += name(isa);
  }
  return machine;
}

Machine this_machine(const IsaSet& levels) { return machine_of("", levels); }

}  // namespace bitnet
