// PCG-XSH-RR 64/32 (O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
// Algorithms for Random Number Generation", 2014), the generator of NUMERICS "One token", 10. A
// seed starts it as the paper's pcg32_srandom does, on stream 54.
#pragma once

#include <bit>
#include <cstdint>

namespace bitnet {

class Pcg32 {
 public:
  static constexpr uint64_t kStream = 54;
  explicit constexpr Pcg32(uint64_t seed, uint64_t stream = kStream) : increment_(stream << 1 | 1) {
    draw();
    state_ += seed;
    draw();
  }

  constexpr uint32_t draw() {
    const uint64_t old = state_;
    state_ = old * 6364136223846793005U + increment_;
    return std::rotr(static_cast<uint32_t>((old >> 18 ^ old) >> 27), static_cast<int>(old >> 59));
  }

  // In [0, 1): 24 bits, so every value is a float exactly.
  constexpr float uniform() { return static_cast<float>(draw() >> 8) * 0x1p-24F; }

 private:
  uint64_t state_ = 0;
  uint64_t increment_;
};

}  // namespace bitnet
