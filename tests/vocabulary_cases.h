// Compares a level's vocabulary with its twin, operation by operation, on random and edge inputs.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>

namespace bitnet {

using VocabularyApply = int(int op, const uint8_t* a, const uint8_t* b, const uint8_t* c,
                            int number, uint8_t* out);
using VocabularyNumber = int();

struct Vocabulary {
  const char* isa;
  VocabularyApply *apply, *twin;
  VocabularyNumber *bytes, *most_code;
};

#define BITNET_VOCABULARY(isa)                                                  \
  extern "C" bitnet::VocabularyApply probe_##isa##_apply;                       \
  extern "C" bitnet::VocabularyApply twin_probe_##isa##_apply;                  \
  extern "C" bitnet::VocabularyNumber probe_##isa##_bytes;                      \
  extern "C" bitnet::VocabularyNumber probe_##isa##_most_code;                  \
  [[maybe_unused]] static const bitnet::Vocabulary vocabulary_##isa = {         \
      #isa, probe_##isa##_apply, twin_probe_##isa##_apply, probe_##isa##_bytes, \
      probe_##isa##_most_code};

// Empty, or the first difference.
inline std::string vocabulary_difference(const Vocabulary& vocabulary, int rounds) {
  constexpr uint8_t kEdges[] = {0, 1, 2, 3, 127, 128, 129, 254, 255};
  constexpr int kMultiplyAccumulate = 16;
  std::mt19937 random(3);
  const auto bytes = static_cast<size_t>(vocabulary.bytes());
  uint8_t in[3][64], got[64], want[64];
  for (int round = 0; round < rounds; ++round) {
    for (auto& vec : in)
      for (uint8_t& byte : vec)
        byte = round % 2 ? static_cast<uint8_t>(random()) : kEdges[random() % sizeof kEdges];
    const int number = static_cast<int>(random() % 256);
    for (int op = 0;; ++op) {
      if (op == kMultiplyAccumulate)
        for (uint8_t& code : in[1]) code = static_cast<uint8_t>(code & vocabulary.most_code());
      const int known = vocabulary.apply(op, in[0], in[1], in[2], number, got);
      if (known != vocabulary.twin(op, in[0], in[1], in[2], number, want)) return "ops differ";
      if (!known) break;
      if (std::memcmp(got, want, bytes) != 0)
        return std::string(vocabulary.isa) + ": operation " + std::to_string(op) + ", number " +
               std::to_string(number) + ", round " + std::to_string(round);
    }
  }
  return "";
}

}  // namespace bitnet
