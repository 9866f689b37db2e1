#include "tools/synth/vocabulary.h"

#include <fmt/core.h>

#include <array>
#include <string_view>

#include "runtime/text/byte_alphabet.h"

namespace bitnet::synth {
namespace {

std::string symbol(char byte) {
  std::string out;
  append_as_alphabet({&byte, 1}, out);
  return out;
}

constexpr std::string_view kLetters = " etaoinshrdlucmfwypvbgkjqxz";
constexpr size_t kLeastFiller = 64;
constexpr std::array<std::string_view, 3> kControls = {"<|begin_of_text|>", "<|end_of_text|>",
                                                       "<|eot_id|>"};

}  // namespace

Vocabulary make_vocabulary(int64_t size) {
  const auto count = static_cast<size_t>(size);
  Vocabulary out;
  for (int byte = 0; byte < 256; ++byte) out.tokens.push_back(symbol(static_cast<char>(byte)));
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
