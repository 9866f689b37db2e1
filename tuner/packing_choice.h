// Which packing a problem gets, or which two: one for decoding and one for prompts, say. Pure: a
// table of times goes in, a packing for each token class comes out.
//
//   cost of one    sum over the classes of weight x time; all classes must have a kernel
//   cost of two    each class takes the faster of the two
//   one            the least cost; the built-in kernels' packing stays unless it is beaten by more
//                  than the noise
//   two            where they cost over 10 % less than the best one, and memory allows
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tuner/token_classes.h"

namespace bitnet::tuner {

struct ClassTime {
  double seconds = 0;  // of one call with TokenClass::timed tokens
  double error = 0;    // relative
};

// What was measured of one problem in one packing.
struct PackingTimes {
  std::string key{};
  bool builtin = false;                             // the built-in kernels' packing
  int64_t bytes = 0;                                // of the problem's packed weights, all layers
  std::vector<std::optional<ClassTime>> classes{};  // of each class; nothing: no kernel was timed
};

struct PackingChoice {
  std::vector<size_t> of_class;  // index of the packing that each class takes
  double cost = 0;               // weighted seconds
  int64_t bytes = 0;             // of all packings taken
};

// Whether two packings are worth their memory.
bool pays_for_two(double cost_of_two, double cost_of_one);

// bytes_allowed: of two packings together. Nothing: no one and no two packings serve every class.
std::optional<PackingChoice> choose_packing(std::span<const PackingTimes> packings,
                                            std::span<const TokenClass> classes,
                                            int64_t bytes_allowed);

}  // namespace bitnet::tuner
