// A vocabulary for synthetic models: byte-level BPE with the 256 bytes, merges of two common
// letters, filler up to the model's size and three control tokens at its end. Every text can be
// tokenized; no text has a meaning.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitnet::synth {

constexpr int64_t kLeastVocabulary = 320;

struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;  // 1 normal, 3 control
  std::vector<std::string> merges;
  uint32_t bos = 0, eos = 0, eot = 0;
};
Vocabulary make_vocabulary(int64_t size);

}  // namespace bitnet::synth
