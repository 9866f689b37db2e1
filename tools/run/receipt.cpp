#include "tools/run/receipt.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cassert>

#include "runtime/base/xxh3.h"

namespace bitnet {

static_assert(std::endian::native == std::endian::little,
              "words are digested as they lie in memory");

struct Receipt::State {
  XXH3_state_t xxh3;
};

Receipt::Receipt(bool full) : state_(std::make_unique<State>()), full_(full) {
  XXH3_128bits_reset(&state_->xxh3);
}
Receipt::~Receipt() = default;

Want Receipt::want(Want caller) const {
  const bool all = full_ || caller.kind == Want::Kind::all;
  return {.kind = all ? Want::Kind::all : Want::Kind::top, .k = std::max(caller.k, kBest)};
}

void Receipt::add_word(uint32_t word) { words_.push_back(word); }

void Receipt::add_float(float value) {
  add_word(value == value ? std::bit_cast<uint32_t>(value) : 0x7fc00000U);
}

void Receipt::flush() {
  XXH3_128bits_update(&state_->xxh3, words_.data(), words_.size() * sizeof(uint32_t));
  words_.clear();
}

void Receipt::add(std::span<const int32_t> tokens, const TokenResult& result) {
  add_word(static_cast<uint32_t>(tokens.size()));
  for (const int32_t token : tokens) add_word(static_cast<uint32_t>(token));
  for (const float value : result.hidden) add_float(value);
  for (size_t i = 0; i < std::min<size_t>(kBest, result.top.size()); ++i) {
    add_word(static_cast<uint32_t>(result.top[i].id));
    add_float(result.top[i].value);
  }
  if (full_)
    for (const float value : result.all) add_float(value);
  flush();
  ++count_;
}

std::string Receipt::line() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(&state_->xxh3);
  return fmt::format("receipt {} {:016x}{:016x} of {} tokens", full_ ? "1-full" : "1",
                     digest.high64, digest.low64, count_);
}

}  // namespace bitnet
