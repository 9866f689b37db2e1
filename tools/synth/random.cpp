#include "tools/synth/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/base/xxh3.h"

namespace bitnet::synth {

RandomStream::RandomStream(uint64_t seed, std::string_view tensor, int64_t row)
    : state_(mix(XXH3_64bits_withSeed(tensor.data(), tensor.size(), seed) +
                 static_cast<uint64_t>(row) * 0xD1342543DE82EF95U)) {}

void random_codes(RandomStream& random, int64_t k, uint8_t* codes) {
  for (int64_t i = 0; i < k; i += 8) {
    const uint64_t bytes = random.next();
    std::memcpy(codes + i, &bytes, 8);
  }
  // 102 of 256 bytes -> 1, 77 -> 2, 77 -> 0.
  for (int64_t i = 0; i < k; ++i) {
    const uint8_t byte = codes[i];
    codes[i] = static_cast<uint8_t>(1 + (byte >= 102) - 2 * (byte >= 179));
  }
}

void random_signs(RandomStream& random, int64_t k, uint8_t* codes) {
  for (int64_t i = 0; i < k; i += 8) {
    const uint64_t bits = random.next() >> 6 & 0x0202020202020202U;
    std::memcpy(codes + i, &bits, 8);
  }
}

void random_row(RandomStream& random, int64_t k, float* row) {
  const float norm = std::clamp(1.0F + 0.3F * random.gaussian(), 0.2F, 2.5F);
  const float deviation = norm / std::sqrt(static_cast<float>(k));
  for (int64_t i = 0; i < k; ++i) row[i] = deviation * random.gaussian();
}

}  // namespace bitnet::synth
