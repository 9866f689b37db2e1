#include "tools/synth/vocabulary.h"

#include <fmt/core.h>

#include <array>
#include <string_view>

namespace bitnet::synth {
namespace {

std::string utf8(unsigned code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 63))};
}

// GPT-2's alphabet: a printable byte stands for itself, the others for 256 and up, in order.
std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> symbols;
  unsigned extra = 256;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    symbols[byte] = utf8(printable ? byte : extra++);
  }
  return symbols;
}

constexpr std::string_view kLetters = " etaoinshrdlucmfwypvbgkjqxz";
constexpr size_t kLeastFiller = 64;
constexpr std::array<std::string_view, 3> kControls = {"<|begin_of_text|>", "<|end_of_text|>",
                                                       "<|eot_id|>"};

}  // namespace

Vocabulary make_vocabulary(int64_t size) {
  const auto count = static_cast<size_t>(size);
  const std::array<std::string, 256> symbols = byte_alphabet();
  Vocabulary out;
  out.tokens.assign(symbols.begin(), symbols.end());
  const auto symbol = [&](char letter) { return symbols[static_cast<uint8_t>(letter)]; };
  for (const char first : kLetters) {
    for (const char second : kLetters.substr(1)) {
      if (out.tokens.size() + kLeastFiller >= count) continue;
      out.tokens.push_back(symbol(first) + symbol(second));
      out.merges.push_back(symbol(first) + " " + symbol(second));
    }
  }
  while (out.tokens.size() + kControls.size() < count)
    out.tokens.push_back(fmt::format("<filler_{}>", out.tokens.size()));
  out.kinds.assign(out.tokens.size(), 1);
  out.bos = static_cast<uint32_t>(out.tokens.size());
  out.eos = out.bos + 1;
  out.eot = out.bos + 2;
  out.tokens.insert(out.tokens.end(), kControls.begin(), kControls.end());
  out.kinds.resize(out.tokens.size(), 3);
  return out;
}

}  // namespace bitnet::synth
