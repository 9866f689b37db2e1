// What a token asks of the head, and what it gets: shared by the forward pass, which computes it,
// and the sampler, which says what it needs.
#pragma once

#include <cstdint>

namespace bitnet {

// What logits a token asks for: the head computes no more.
struct Want {
  enum class Kind : uint8_t { none, top, all };
  Kind kind = Kind::none;
  int k = 0;  // for top
};

struct Logit {
  int32_t id;
  float value;
};

}  // namespace bitnet
