// Instruction-set levels: one table of names and parents (their compiler flags: cmake/isa.cmake). A
// level is what a kernel is compiled for and what `--isa` names. Levels form a tree; a CPU that has
// a level has its parents.
//
//   scalar <- ssse3 <- avx2 <- avxvnni
//                      avx2 <- avx512 <- avx512vnni <- avx512vbmi <- amx
//   scalar <- neon <- dotprod <- i8mm
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bitnet {

enum class Isa : uint8_t {
  scalar,
  ssse3,
  avx2,
  avxvnni,
  avx512,
  avx512vnni,
  avx512vbmi,
  amx,
  neon,
  dotprod,
  i8mm
};

// The architecture of this program.
#if defined(__x86_64__)
constexpr std::string_view kArchitecture = "x86_64";
#elif defined(__aarch64__)
constexpr std::string_view kArchitecture = "aarch64";
#else
#error "bitnet-tune knows x86_64 and aarch64"
#endif

struct IsaLevel {
  Isa isa;
  std::string_view name;
  Isa parent;                     // scalar is its own
  std::string_view architecture;  // "x86_64", "aarch64", or "" for scalar
  std::string_view features;      // space-separated, as /proc/cpuinfo spells them (features.h)
  // What kernels have: bytes of a vector, and how many of them the architecture names.
  int vector_bytes, vector_registers;
};

// In the order of the enum, parents first. avx2 and avx512 name all that -march=x86-64-v3 and -v4
// let a compiler use.
inline constexpr IsaLevel kIsaLevels[] = {
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
};
constexpr const IsaLevel& level_of(Isa isa) { return kIsaLevels[static_cast<size_t>(isa)]; }
constexpr std::string_view name(Isa isa) { return level_of(isa).name; }
std::optional<Isa> parse_isa(std::string_view name);

// A set of levels, closed under parents.
class IsaSet {
 public:
  IsaSet() = default;  // scalar only
  bool has(Isa isa) const { return (bits_ >> static_cast<unsigned>(isa)) & 1U; }
  void add(Isa isa);  // and its parents
  // What is both here and in {isa and its parents}: can only remove.
  IsaSet limited_to(Isa isa) const;
  std::vector<Isa> levels() const;  // ascending
  bool operator==(const IsaSet&) const = default;

 private:
  uint32_t bits_ = 1;
};

// What this CPU and operating system report (CPUID and XCR0, HWCAP).
IsaSet reported_isa();
// The levels of reported_isa() whose instructions were executed in a guarded child process: virtual
// machines have been seen to advertise instructions that fault. The first call takes a third of a
// millisecond (a fork), so it is asked anew in every process and nothing on the disk can go stale.
// Where no process can be made, what is reported is believed.
IsaSet proved_isa();

}  // namespace bitnet
