// Seeded truncations and mutations of small model files: no crash (run it under the asan preset),
// and every error is one line that names the file. tests/fuzz does the same with coverage feedback
// and without end.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/read_everything.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

void expect_sound(const Bytes& bytes, const std::string& what) {
  const auto read = read_everything(bytes);
  if (read) return;
  const std::string& message = read.error().message;
  EXPECT_TRUE(message.starts_with("fuzz.gguf: ")) << what << ": " << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << what << ": " << message;
  EXPECT_LT(message.size(), 500U) << what;
}

int rounds() { return std::getenv("BITNET_FULL") != nullptr ? 20000 : 600; }

TEST(GgufMutation, SeedsAreRight) {
  for (const Bytes& bytes : tiny_models()) {
    const auto read = read_everything(bytes);
    EXPECT_TRUE(read) << read.error().message;
  }
}

TEST(GgufMutation, Truncations) {
  for (const Bytes& bytes : tiny_models()) {
    std::mt19937 random(1);
    // A shorter file always lacks something: data are packed without a gap, but for the last
    // tensor's padding.
    for (int i = 0; i < rounds() / 4; ++i) {
      const size_t size = random() % (bytes.size() - 32);
      const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(read_everything(cut)) << size;
      expect_sound(cut, fmt::format("cut to {}", size));
    }
  }
}

// Most bytes of a file are weights; counts, lengths and types lie in front. Half of the mutations
// go there.
size_t random_place(const Bytes& bytes, std::mt19937& random) {
  const size_t front = std::min<size_t>(bytes.size(), random() % 2 == 0 ? bytes.size() : 8192);
  return random() % front;
}

TEST(GgufMutation, FlippedBits) {
  for (const Bytes& bytes : tiny_models()) {
    std::mt19937 random(2);
    for (int i = 0; i < rounds(); ++i) {
      Bytes bent = bytes;
      for (auto flips = 1 + random() % 3; flips > 0; --flips)
        bent[random_place(bytes, random)] ^= static_cast<std::byte>(1U << random() % 8);
      expect_sound(bent, fmt::format("flips {}", i));
    }
  }
}

// Numbers that break arithmetic, in place of the ones that are there.
TEST(GgufMutation, ExtremeNumbers) {
  constexpr uint64_t kNumbers[] = {
      0,          1,          0x7F,       0xFF,       0x7FFFFFFF,         0x80000000,
      0xFFFFFFFF, 1ULL << 32, 1ULL << 40, 1ULL << 62, 0x7FFFFFFFFFFFFFFF, ~0ULL};
  for (const Bytes& bytes : tiny_models()) {
    std::mt19937 random(3);
    for (int i = 0; i < rounds(); ++i) {
      Bytes bent = bytes;
      const uint64_t number = kNumbers[random() % std::size(kNumbers)];
      const size_t width = random() % 2 == 0 ? 4 : 8;
      const size_t place = std::min(random_place(bytes, random), bytes.size() - width);
      std::memcpy(bent.data() + place, &number, width);
      expect_sound(bent, fmt::format("number {}", i));
    }
  }
}

// Every byte of the head of the smallest file, each to a few values.
TEST(GgufMutation, EveryByteOfTheHeader) {
  const Bytes bytes = build_tiny().build();
  for (size_t place = 0; place < 1200; ++place) {
    for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      Bytes bent = bytes;
      bent[place] = static_cast<std::byte>(value);
      expect_sound(bent, fmt::format("byte {} = {}", place, value));
    }
  }
}

}  // namespace
}  // namespace bitnet::testing
