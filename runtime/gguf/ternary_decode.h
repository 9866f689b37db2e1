// Blocks of the ternary and binary types -> trits. Mostly loops of fixed length, so that the
// compiler turns them into vector code; a code 3 (there is none in a ternary matrix) decodes to 2
// and is reported, so the caller can find it.
#pragma once

#include <cstdint>

#include "runtime/gguf/types.h"

namespace bitnet {

constexpr int64_t i2s_block_elements(I2sLayout layout) {
  return layout == I2sLayout::blocks_of_128 ? kI2sElements : 64;
}

// in[blocks][elements / 4] -> out[blocks][elements], elements of a block as its layout has them.
// False where a code is 3.
bool decode_i2s(I2sLayout layout, const uint8_t* in, int64_t blocks, int8_t* out);

// A type whose blocks hold weights and one F16, their scale.
struct BlockLayout {
  GgmlType type;
  int32_t elements, bytes;
  int32_t scale_at;
  // in[blocks][bytes] -> out[blocks][elements]. False where a code is 3.
  bool (*decode)(const uint8_t* in, int64_t blocks, int8_t* out);

  // The bits of block b's scale.
  uint16_t scale(const uint8_t* blocks, int64_t b) const {
    const uint8_t* at = blocks + b * bytes + scale_at;
    return static_cast<uint16_t>(at[0] | at[1] << 8);
  }
};
// Of all ternary types but I2_S.
const BlockLayout& block_layout(GgmlType type);

}  // namespace bitnet
