// Blocks of the ternary types -> trits. Plain loops of fixed length, so that the compiler turns
// them into vector code; a code 3 (there is none in a valid file) decodes to 2 and is reported, so
// the caller can find it.
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

// One block, without its scale, the last two bytes: in[kTq2Bytes] or in[kTq1Bytes] ->
// out[kTqElements].
bool decode_tq2_block(const uint8_t* in, int8_t* out);  // false where a code is 3
void decode_tq1_block(const uint8_t* in, int8_t* out);  // every byte is valid: see there

// The scale's bits.
inline uint16_t tq_scale(const uint8_t* block, int64_t block_bytes) {
  return static_cast<uint16_t>(block[block_bytes - 2] | block[block_bytes - 1] << 8);
}

}  // namespace bitnet
