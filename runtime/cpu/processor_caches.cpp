#include "runtime/cpu/processor_caches.h"

#include <unistd.h>

#include <map>

namespace bitnet {
namespace {

std::vector<int64_t> values(const std::map<int64_t, int64_t>& by_level) {
  std::vector<int64_t> all;
  for (const auto& [level, bytes] : by_level) all.push_back(bytes);
  return all;
}

int64_t bits(uint32_t word, unsigned first, unsigned count) {
  return static_cast<int64_t>((word >> first) & ((1U << count) - 1));
}

// A subleaf a cache, until one of type 0. Both makers' leaves have the same layout: Intel SDM vol.
// 2A, CPUID leaf 4; AMD APM vol. 3, appendix E, 0x8000001D.
std::map<int64_t, int64_t> caches_of_leaf(const Cpuid& ask, uint32_t leaf) {
  constexpr int64_t kNone = 0, kInstructions = 2;
  std::map<int64_t, int64_t> by_level;
  for (uint32_t index = 0; index < 16; ++index) {
    const CpuidRegisters r = ask(leaf, index);
    const int64_t type = bits(r.eax, 0, 5), level = bits(r.eax, 5, 3);
    if (type == kNone) break;
    if (type == kInstructions || level == 0) continue;
    const int64_t line = bits(r.ebx, 0, 12) + 1, partitions = bits(r.ebx, 12, 10) + 1,
                  ways = bits(r.ebx, 22, 10) + 1, sets = int64_t{r.ecx} + 1;
    by_level[level] = line * partitions * ways * sets;
  }
  return by_level;
}

}  // namespace

std::vector<int64_t> cpuid_cache_bytes(const Cpuid& ask) {
  // On AMD leaf 4 is reserved and holds zeros; 0x8000001D exists where 0x80000001 says so in bit 22
  // of ECX (topology extensions).
  auto by_level = caches_of_leaf(ask, 4);
  if (by_level.empty() && bits(ask(0x80000001U, 0).ecx, 22, 1) == 1)
    by_level = caches_of_leaf(ask, 0x8000001DU);
  return values(by_level);
}

std::vector<int64_t> processor_cache_bytes() {
#if defined(__x86_64__)
  return cpuid_cache_bytes(cpuid);
#else
  std::map<int64_t, int64_t> by_level;
#if defined(_SC_LEVEL1_DCACHE_SIZE)  // glibc's own
  for (const auto& [level, name] : {std::pair{1, _SC_LEVEL1_DCACHE_SIZE},
                                    {2, _SC_LEVEL2_CACHE_SIZE},
                                    {3, _SC_LEVEL3_CACHE_SIZE}})
    if (const long bytes = ::sysconf(name); bytes > 0) by_level[level] = bytes;
#endif
  return values(by_level);
#endif
}

}  // namespace bitnet
