// Random numbers of a synthetic model: a stream of its own for every row of every tensor, so that
// rows can be made in any order by any thread, and the same seed gives the same model whatever type
// stores it. Integer arithmetic and exact float operations only: every machine makes the same file.
#pragma once

#include <cstdint>
#include <string_view>

namespace bitnet::synth {

// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
class RandomStream {
 public:
  RandomStream(uint64_t seed, std::string_view tensor, int64_t row);

  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    return mix(state_);
  }
  // 0 <= u < 1, a multiple of 2^-24.
  float uniform() { return static_cast<float>(next() >> 40) * 0x1p-24F; }
  // Mean 0, variance 1: the sum of eight 16-bit numbers (Irwin-Hall; tails end at 4.9). No
  // logarithm, whose last bit depends on the machine's library.
  float gaussian() {
    const uint64_t a = next(), b = next();
    const uint64_t sum = quarter_sum(a) + quarter_sum(b);
    // Eight uniform integers 0..65535 have mean 8 * 32767.5 and variance 8 * (2^32 - 1) / 12.
    constexpr float kInverseDeviation = 0x1.3988e2p-16F;  // 1 / 53509.9
    return (static_cast<float>(sum) - 262140.0F) * kInverseDeviation;
  }

 private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
    x = (x ^ x >> 27) * 0x94D049BB133111EBU;
    return x ^ x >> 31;
  }
  static uint64_t quarter_sum(uint64_t x) {
    return (x & 0xFFFF) + (x >> 16 & 0xFFFF) + (x >> 32 & 0xFFFF) + (x >> 48);
  }
  uint64_t state_;
};

// codes[k] = 0, 1, 2 for -1, 0, +1 with P(0) = 102/256 and the others 77/256 each. Writes up to 7
// codes past k.
void random_codes(RandomStream& random, int64_t k, uint8_t* codes);

// codes[k] = 0 or 2 for -1 or +1, equally often. Writes up to 7 codes past k.
void random_signs(RandomStream& random, int64_t k, uint8_t* codes);

// An embedding row: Gaussian with standard deviation 1/sqrt(k), times a norm of its own that varies
// by 30 %, so that logits have a spread of about 1 and no two rows have the same quantisation step.
void random_row(RandomStream& random, int64_t k, float* row);

}  // namespace bitnet::synth
