// Instruction-set levels: one table of names and parents (their compiler flags: cmake/isa.cmake). A
// level is what a kernel is compiled for and what `--isa` names. Levels form a tree; a CPU that has
// a level has its parents.
//
//   scalar <- ssse3 <- avx2 <- avxvnni
//                      avx2 <- avx512 <- avx512vnni <- avx512vbmi <- amx
//   scalar <- neon <- dotprod <- i8mm
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
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

struct IsaLevel {
  Isa isa;
  std::string_view name;
  Isa parent;                     // scalar is its own
  std::string_view architecture;  // "x86_64", "aarch64", or "" for scalar
  std::string_view features;      // space-separated, as /proc/cpuinfo spells them
  // What kernels have: bytes of a vector, and how many of them the architecture names.
  int vector_bytes, vector_registers;
};

std::span<const IsaLevel> isa_levels();
const IsaLevel& level_of(Isa isa);
std::string_view name(Isa isa);
std::optional<Isa> parse_isa(std::string_view name);

// A set of levels, closed under parents.
class IsaSet {
 public:
  IsaSet() = default;  // scalar only
  bool has(Isa isa) const { return (bits_ >> static_cast<unsigned>(isa)) & 1U; }
  void add(Isa isa);  // and its parents
  IsaSet limited_to(
      Isa isa) const;  // what is both here and in {isa and its parents}: can only remove
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
