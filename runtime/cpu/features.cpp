// One row a feature. Encodings are spelt out in bytes: no assembler, compiler or sanitizer then has
// a say in whether they may be used here.
#include "runtime/cpu/features.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/cpu/cpuid.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#else
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace bitnet {
namespace {

using Instruction = void();

#if defined(__x86_64__)

enum class Leaf : uint8_t { one, seven, seven_one, extended };
enum class Reg : uint8_t { eax, ebx, ecx, edx };

struct Feature {
  std::string_view name;
  Leaf leaf;
  Reg reg;
  unsigned bit;
  uint64_t state = 0;                  // bits of XCR0 that must be set
  Instruction* instruction = nullptr;  // null: those of the features beside it have to do
};

constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTile = 0x60000;

void multiply_tiles() {
  // Linux hands out tile registers on request: arch_prctl(ARCH_REQ_XCOMP_PERM,
  // XFEATURE_XTILEDATA).
  if (syscall(SYS_arch_prctl, 0x1023, 18) != 0) _exit(1);
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t column_bytes[16] = {64, 64, 64};
    uint8_t rows[16] = {16, 16, 16};
  } config;
  // ldtilecfg [rax]; tdpbusd tmm0, tmm1, tmm2; tilerelease
  __asm__ volatile(
      ".byte 0xc4,0xe2,0x78,0x49,0x00\n\t"
      ".byte 0xc4,0xe2,0x69,0x5e,0xc1\n\t"
      ".byte 0xc4,0xe2,0x78,0x49,0xc0" ::"a"(&config)
      : "memory");
}

// Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.
constexpr Feature kFeatures[] = {
    {"ssse3", Leaf::one, Reg::ecx, 9, 0,
     [] {
       __asm__ volatile(".byte 0x66,0x0f,0x38,0x00,0xc0" ::: "xmm0");
     }},                                    // pshufb xmm0, xmm0
    {"fma", Leaf::one, Reg::ecx, 12, kYmm,  // vfmadd231ps ymm0, ymm0, ymm0
     [] {
       __asm__ volatile(".byte 0xc4,0xe2,0x7d,0xb8,0xc0" ::: "xmm0");
     }},
    {"cx16", Leaf::one, Reg::ecx, 13},
    {"sse4_1", Leaf::one, Reg::ecx, 19},
    {"sse4_2", Leaf::one, Reg::ecx, 20},
    {"movbe", Leaf::one, Reg::ecx, 22},
    {"popcnt", Leaf::one, Reg::ecx, 23},
    {"avx", Leaf::one, Reg::ecx, 28, kYmm},
    {"f16c", Leaf::one, Reg::ecx, 29, kYmm,  // vcvtph2ps ymm0, xmm0
     [] {
       __asm__ volatile(".byte 0xc4,0xe2,0x7d,0x13,0xc0" ::: "xmm0");
     }},
    {"bmi1", Leaf::seven, Reg::ebx, 3},
    {"avx2", Leaf::seven, Reg::ebx, 5, kYmm,  // vpmaddubsw ymm0, ymm0, ymm0
     [] {
       __asm__ volatile(".byte 0xc4,0xe2,0x7d,0x04,0xc0" ::: "xmm0");
     }},
    {"bmi2", Leaf::seven, Reg::ebx, 8, 0,  // pext rax, rax, rax
     [] {
       __asm__ volatile(".byte 0xc4,0xe2,0xfa,0xf5,0xc0" ::: "rax");
     }},
    {"avx512f", Leaf::seven, Reg::ebx, 16, kZmm},
    {"avx512dq", Leaf::seven, Reg::ebx, 17, kZmm},
    {"avx512cd", Leaf::seven, Reg::ebx, 28, kZmm},
    {"avx512bw", Leaf::seven, Reg::ebx, 30, kZmm,  // vpaddb zmm0, zmm0, zmm0
     [] {
       __asm__ volatile(".byte 0x62,0xf1,0x7d,0x48,0xfc,0xc0" ::: "xmm0");
     }},
    {"avx512vl", Leaf::seven, Reg::ebx, 31, kZmm},
    {"avx512vbmi", Leaf::seven, Reg::ecx, 1, kZmm,  // vpermb zmm0, zmm0, zmm0
     [] {
       __asm__ volatile(".byte 0x62,0xf2,0x7d,0x48,0x8d,0xc0" ::: "xmm0");
     }},
    {"avx512_vnni", Leaf::seven, Reg::ecx, 11, kZmm,  // vpdpbusd zmm0, zmm0, zmm0
     [] {
       __asm__ volatile(".byte 0x62,0xf2,0x7d,0x48,0x50,0xc0" ::: "xmm0");
     }},
    {"amx_tile", Leaf::seven, Reg::edx, 24, kTile},
    {"amx_int8", Leaf::seven, Reg::edx, 25, kTile, multiply_tiles},
    {"avx_vnni", Leaf::seven_one, Reg::eax, 4, kYmm,  // {vex} vpdpbusd ymm0, ymm0, ymm0
     [] {
       __asm__ volatile(".byte 0xc4,0xe2,0x7d,0x50,0xc0" ::: "xmm0");
     }},
    {"lahf_lm", Leaf::extended, Reg::ecx, 0},
    {"abm", Leaf::extended, Reg::ecx, 5},
};

// Which register files the operating system saves: XCR0. Only legal where CPUID says OSXSAVE.
uint64_t saved_state(const CpuidRegisters& leaf1) {
  if (((leaf1.ecx >> 27) & 1U) == 0) return 0;
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

class Reported {
 public:
  Reported()
      : leaves_{cpuid(1, 0), cpuid(7, 0), cpuid(7, 1), cpuid(0x80000001U, 0)},
        state_(saved_state(leaves_[0])) {}

  bool has(const Feature& feature) const {
    if ((state_ & feature.state) != feature.state) return false;
    const CpuidRegisters& leaf = leaves_[static_cast<size_t>(feature.leaf)];
    const uint32_t words[] = {leaf.eax, leaf.ebx, leaf.ecx, leaf.edx};
    return ((words[static_cast<size_t>(feature.reg)] >> feature.bit) & 1U) != 0;
  }

 private:
  std::array<CpuidRegisters, 4> leaves_;
  uint64_t state_;
};

#elif defined(__aarch64__)

struct Feature {
  std::string_view name;
  unsigned long word;  // AT_HWCAP, AT_HWCAP2
  unsigned bit;        // Linux's asm/hwcap.h
  Instruction* instruction = nullptr;
};

constexpr Feature kFeatures[] = {
    {"asimd", AT_HWCAP, 1,  // add v0.16b, v0.16b, v0.16b
     [] {
       __asm__ volatile(".inst 0x4e208400" ::: "v0");
     }},
    {"atomics", AT_HWCAP, 8},
    {"asimdrdm", AT_HWCAP, 12},
    {"asimddp", AT_HWCAP, 20,  // sdot v0.4s, v0.16b, v0.16b
     [] {
       __asm__ volatile(".inst 0x4e809400" ::: "v0");
     }},
    {"i8mm", AT_HWCAP2, 13,  // smmla v0.4s, v0.16b, v0.16b
     [] {
       __asm__ volatile(".inst 0x4e80a400" ::: "v0");
     }},
};

struct Reported {
  static bool has(const Feature& feature) {
    return ((getauxval(feature.word) >> feature.bit) & 1UL) != 0;
  }
};

#endif

// Calls visit(feature), null where the table has no such name, until it says false.
template <typename Visit>
bool all_of(std::string_view features, const Visit& visit) {
  while (!features.empty()) {
    const std::string_view name = features.substr(0, features.find(' '));
    features.remove_prefix(std::min(name.size() + 1, features.size()));
    const auto* found = std::ranges::find(kFeatures, name, &Feature::name);
    if (!visit(found == std::end(kFeatures) ? nullptr : found)) return false;
  }
  return true;
}

}  // namespace

bool reports_features(std::string_view features) {
  static const Reported reported;  // asking a virtual machine is slow
  return all_of(features,
                [&](const Feature* feature) { return feature && reported.has(*feature); });
}

bool execute_features(std::string_view features) {
  bool executed = false;
  all_of(features, [&](const Feature* feature) {
    if (feature && feature->instruction) {
      feature->instruction();
      executed = true;
    }
    return true;
  });
  return executed;
}

}  // namespace bitnet
