// Made-up floats for the tests of float kernels: seeded, plain or adversarial; and what "the same
// bits" means.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace bitnet {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
  uint32_t bits() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return static_cast<uint32_t>(state_ >> 16U);
  }
  uint32_t below(uint32_t n) { return bits() % n; }
  // Roughly normal, sigma 1.
  float normal() {
    float sum = 0;
    for (int i = 0; i < 12; ++i) sum += static_cast<float>(bits() >> 8U) * 0x1p-24F;
    return sum - 6.0F;
  }

 private:
  uint64_t state_;
};

enum class Flavour { plain, zeros, ties, tiny, huge, hostile };
constexpr Flavour kFlavours[] = {Flavour::plain, Flavour::zeros, Flavour::ties,
                                 Flavour::tiny,  Flavour::huge,  Flavour::hostile};

inline float made_up(Random& random, Flavour flavour) {
  const float x = random.normal();
  switch (flavour) {
    case Flavour::plain:
      return x;
    case Flavour::zeros:
      return random.below(2) ? 0.0F : -0.0F;
    case Flavour::ties:
      return static_cast<float>(static_cast<int>(random.below(509)) - 254) *
             0.5F;  // 127 is the largest
    case Flavour::tiny:
      return x * 0x1p-130F;  // subnormals among them
    case Flavour::huge:
      return x * 0x1p120F;
    case Flavour::hostile:
      break;
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  switch (random.below(40)) {
    case 0:
      return std::numeric_limits<float>::quiet_NaN();
    case 1:
      return kInfinity;
    case 2:
      return -kInfinity;
    case 3:
      return std::numeric_limits<float>::denorm_min();
    case 4:
      return -0.0F;
    case 5:
      return std::numeric_limits<float>::max();
    case 6:
      return std::bit_cast<float>(random.bits());
    default:
      return x;
  }
}

template <typename T = float>
std::vector<T> blank(int64_t count) {
  return std::vector<T>(static_cast<size_t>(count));
}

inline std::vector<float> made_up(int64_t count, uint64_t seed, Flavour flavour = Flavour::plain) {
  Random random(seed);
  std::vector<float> x = blank(count);
  for (float& value : x) value = made_up(random, flavour);
  return x;
}

// NaN payloads are not defined: the order of operands decides them.
inline bool same(float a, float b) {
  return (a != a && b != b) || std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

template <typename Range>
::testing::AssertionResult all_same(const Range& got, const Range& want) {
  if (got.size() != want.size()) return ::testing::AssertionFailure() << "sizes differ";
  for (size_t i = 0; i < got.size(); ++i) {
    if (!same(got[i], want[i])) {
      return ::testing::AssertionFailure()
             << fmt::format("[{}]: {:a}, wanted {:a}", i, got[i], want[i]);
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace bitnet
