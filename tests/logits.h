// All logits of a model's tokens as bits, for tests that compare them exactly.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "runtime/session.h"

namespace bitnet {

// Tokens first, first + 1, …, evaluated together.
struct TokenBlock {
  int32_t first, count;
};

// Block after block in one sequence.
inline std::vector<uint32_t> logits_of(Model& model, std::initializer_list<TokenBlock> blocks) {
  Sequence sequence = model.sequence(64).value();
  std::vector<uint32_t> bits;
  for (const TokenBlock& block : blocks) {
    std::vector<TokenRequest> requests;
    for (int32_t token = block.first; token < block.first + block.count; ++token)
      requests.push_back(
          {.sequence = &sequence, .token = token, .want = {.kind = Want::Kind::all, .k = 1}});
    for (const TokenResult& result : model.evaluate(requests).value())
      for (const float logit : result.all) bits.push_back(std::bit_cast<uint32_t>(logit));
  }
  return bits;
}

}  // namespace bitnet
