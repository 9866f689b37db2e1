// How to read a model file where the file does not say it, or says it wrongly.
#pragma once

#include <optional>

#include "runtime/gguf/types.h"

namespace bitnet {

enum class GateActivation : uint8_t { silu, relu2 };

struct ModelFileOptions {
  std::optional<GateActivation> activation{};  // instead of what file and architecture say
  I2sLayout i2s_layout = I2sLayout::blocks_of_128;
};

}  // namespace bitnet
