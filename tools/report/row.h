// What the report is made of: a row for each instruction-set level, token class and problem, and
// one for all layers together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cpu/fingerprint.h"
#include "runtime/kernel/problem.h"
#include "tools/report/compare.h"

namespace bitnet::report {

// The best kernel of one packing, or why there is none.
struct PackingTime {
  std::string packing{};    // "t2"
  double nanoseconds = 0;   // of one call; 0: no time
  std::string kernel{};     // empty: all layers together, or no time
  std::string reason{};     // why there is no time
  bool is_missing = false;  // no time, although there are kernels that fit
};

struct Row {
  std::string isa{};
  Problem problem{};
  bool all_layers = false;  // no problem, but all of them, as often as there are layers
  int64_t tokens = 1;
  // Nanoseconds of one call; 0: not measured here (no baseline without AVX2).
  double scalar = 0, baseline = 0, builtin = 0, tuned = 0;
  Gain over_baseline{}, over_builtin{};  // of tuned kernels
  std::string tuned_kernel{};
  int64_t packed_bytes = 0;
  double roof_share = 0;                // 0: many tokens, where memory is not the limit
  std::vector<PackingTime> packings{};  // of the catalogue at this level, in its order
};

struct Header {
  std::string model{};
  Machine machine{};
  int threads = 1;
  std::vector<std::string> packings{};  // of the whole catalogue
};

// "qkv 2304x768", "all layers"; "1 token".
std::string shape_of(const Row& row);
std::string tokens_of(const Row& row);

}  // namespace bitnet::report
