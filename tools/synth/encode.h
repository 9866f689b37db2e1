// Values -> the bytes of a GGUF type: the opposite of runtime/gguf/ternary.h and of the embedding
// readers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/gguf/types.h"

namespace bitnet::synth {

// Ternary codes (0, 1, 2 for -1, 0, +1; of Q1_0 no 1), flat, `count` of them: whole blocks, but for
// I2_S, whose last block is filled up with zero weights.
// A scale a block, as F16 bits: scales[count / elements of a block]. Not of I2_S.
void encode_blocks(GgmlType type, const uint8_t* codes, int64_t count, const uint16_t* scales,
                   std::byte* out);
// One scale: put into every block, and of I2_S left to the caller, who writes it once behind the
// tensor.
void encode_codes(GgmlType type, const uint8_t* codes, int64_t count, float scale, std::byte* out);
int64_t encoded_bytes(GgmlType type, int64_t count);

// A row of floats in any type that is not ternary; k is a multiple of the type's block.
void encode_row(GgmlType type, const float* row, int64_t k, std::byte* out);

}  // namespace bitnet::synth
