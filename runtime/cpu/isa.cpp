#include "runtime/cpu/isa.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "runtime/cpu/cpuid.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace bitnet {
namespace {

// In the order of the enum. avx2 and avx512 name all that -march=x86-64-v3 and -v4 let a compiler
// use.
constexpr std::array<IsaLevel, 11> kLevels{{
    {Isa::scalar, "scalar", Isa::scalar, "", "", 16, 16},
    {Isa::ssse3, "ssse3", Isa::scalar, "x86_64", "ssse3", 16, 16},
    {Isa::avx2, "avx2", Isa::ssse3, "x86_64",
     "avx avx2 fma f16c bmi1 bmi2 movbe abm popcnt sse4_1 sse4_2 cx16 lahf_lm", 32, 16},
    {Isa::avxvnni, "avxvnni", Isa::avx2, "x86_64", "avx_vnni", 32, 16},
    {Isa::avx512, "avx512", Isa::avx2, "x86_64", "avx512f avx512bw avx512cd avx512dq avx512vl", 64,
     32},
    {Isa::avx512vnni, "avx512vnni", Isa::avx512, "x86_64", "avx512_vnni", 64, 32},
    {Isa::avx512vbmi, "avx512vbmi", Isa::avx512vnni, "x86_64", "avx512vbmi", 64, 32},
    {Isa::amx, "amx", Isa::avx512vbmi, "x86_64", "amx_tile amx_int8", 64, 32},
    {Isa::neon, "neon", Isa::scalar, "aarch64", "asimd", 16, 32},
    {Isa::dotprod, "dotprod", Isa::neon, "aarch64", "asimddp asimdrdm atomics", 16, 32},
    {Isa::i8mm, "i8mm", Isa::dotprod, "aarch64", "i8mm", 16, 32},
}};

#if defined(__x86_64__)

// Which register files the operating system saves: XCR0. Only legal where CPUID says OSXSAVE.
uint64_t saved_state(const CpuidRegisters& leaf1) {
  if (((leaf1.ecx >> 27) & 1U) == 0) return 0;
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

enum class Leaf : uint8_t { one, seven, seven_one, extended };
enum class Reg : uint8_t { eax, ebx, ecx, edx };

struct Feature {
  std::string_view name;
  Leaf leaf;
  Reg reg;
  unsigned bit;
  uint64_t state;  // bits of XCR0 that must be set
};

constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTile = 0x60000;

// Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.
constexpr Feature kFeatures[] = {
    {"ssse3", Leaf::one, Reg::ecx, 9, 0},
    {"fma", Leaf::one, Reg::ecx, 12, kYmm},
    {"cx16", Leaf::one, Reg::ecx, 13, 0},
    {"sse4_1", Leaf::one, Reg::ecx, 19, 0},
    {"sse4_2", Leaf::one, Reg::ecx, 20, 0},
    {"movbe", Leaf::one, Reg::ecx, 22, 0},
    {"popcnt", Leaf::one, Reg::ecx, 23, 0},
    {"avx", Leaf::one, Reg::ecx, 28, kYmm},
    {"f16c", Leaf::one, Reg::ecx, 29, kYmm},
    {"bmi1", Leaf::seven, Reg::ebx, 3, 0},
    {"avx2", Leaf::seven, Reg::ebx, 5, kYmm},
    {"bmi2", Leaf::seven, Reg::ebx, 8, 0},
    {"avx512f", Leaf::seven, Reg::ebx, 16, kZmm},
    {"avx512dq", Leaf::seven, Reg::ebx, 17, kZmm},
    {"avx512cd", Leaf::seven, Reg::ebx, 28, kZmm},
    {"avx512bw", Leaf::seven, Reg::ebx, 30, kZmm},
    {"avx512vl", Leaf::seven, Reg::ebx, 31, kZmm},
    {"avx512vbmi", Leaf::seven, Reg::ecx, 1, kZmm},
    {"avx512_vnni", Leaf::seven, Reg::ecx, 11, kZmm},
    {"amx_tile", Leaf::seven, Reg::edx, 24, kTile},
    {"amx_int8", Leaf::seven, Reg::edx, 25, kTile},
    {"avx_vnni", Leaf::seven_one, Reg::eax, 4, kYmm},
    {"lahf_lm", Leaf::extended, Reg::ecx, 0, 0},
    {"abm", Leaf::extended, Reg::ecx, 5, 0},
};

class Reported {
 public:
  Reported()
      : leaves_{cpuid(1, 0), cpuid(7, 0), cpuid(7, 1), cpuid(0x80000001U, 0)},
        state_(saved_state(leaves_[0])) {}

  bool has(std::string_view feature) const {
    const auto* found = std::ranges::find(kFeatures, feature, &Feature::name);
    if (found == std::end(kFeatures)) return false;
    if ((state_ & found->state) != found->state) return false;
    const CpuidRegisters& leaf = leaves_[static_cast<size_t>(found->leaf)];
    const uint32_t words[] = {leaf.eax, leaf.ebx, leaf.ecx, leaf.edx};
    return ((words[static_cast<size_t>(found->reg)] >> found->bit) & 1U) != 0;
  }

 private:
  std::array<CpuidRegisters, 4> leaves_;
  uint64_t state_;
};
constexpr std::string_view kArchitecture = "x86_64";

#elif defined(__aarch64__)

class Reported {
 public:
  // Bits of Linux's asm/hwcap.h.
  bool has(std::string_view feature) const {
    if (feature == "asimd") return bit(hwcap_, 1);
    if (feature == "atomics") return bit(hwcap_, 8);
    if (feature == "asimdrdm") return bit(hwcap_, 12);
    if (feature == "asimddp") return bit(hwcap_, 20);
    if (feature == "i8mm") return bit(hwcap2_, 13);
    return false;
  }

 private:
  static bool bit(unsigned long word, unsigned index) { return ((word >> index) & 1UL) != 0; }
  unsigned long hwcap_ = getauxval(AT_HWCAP);
  unsigned long hwcap2_ = getauxval(AT_HWCAP2);
};
constexpr std::string_view kArchitecture = "aarch64";

#else
#error "bitnet-tune knows x86_64 and aarch64"
#endif

bool has_all(const Reported& reported, std::string_view features) {
  while (!features.empty()) {
    const size_t end = std::min(features.find(' '), features.size());
    if (!reported.has(features.substr(0, end))) return false;
    features.remove_prefix(std::min(end + 1, features.size()));
  }
  return true;
}

}  // namespace

const IsaLevel& level_of(Isa isa) { return kLevels[static_cast<size_t>(isa)]; }

std::span<const IsaLevel> isa_levels() { return kLevels; }

std::string_view name(Isa isa) { return level_of(isa).name; }

std::optional<Isa> parse_isa(std::string_view name) {
  const auto* found = std::ranges::find(kLevels, name, &IsaLevel::name);
  if (found == kLevels.end()) return std::nullopt;
  return found->isa;
}

void IsaSet::add(Isa isa) {
  for (; isa != Isa::scalar; isa = level_of(isa).parent) bits_ |= 1U << static_cast<unsigned>(isa);
}

IsaSet IsaSet::limited_to(Isa isa) const {
  IsaSet wanted;
  wanted.add(isa);
  IsaSet both;
  both.bits_ = bits_ & wanted.bits_;
  return both;
}

std::vector<Isa> IsaSet::levels() const {
  std::vector<Isa> all;
  for (const IsaLevel& level : kLevels) {
    if (has(level.isa)) all.push_back(level.isa);
  }
  return all;
}

IsaSet reported_isa() {
  const Reported reported;
  IsaSet set;
  // Parents stand before their children in the table, so one pass suffices.
  for (const IsaLevel& level : kLevels) {
    if (level.architecture == kArchitecture && set.has(level.parent) &&
        has_all(reported, level.features)) {
      set.add(level.isa);
    }
  }
  return set;
}

}  // namespace bitnet
