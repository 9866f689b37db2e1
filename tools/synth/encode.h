// Values -> the bytes of a GGUF type: the opposite of runtime/gguf/ternary.h and of the embedding
// readers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/gguf/types.h"

namespace bitnet::synth {

// Ternary codes (0, 1, 2 for -1, 0, +1), flat: for TQ1_0 and TQ2_0 `count` is a multiple of 256 and
// `scale` is put into every block; for I2_S the last block is filled up with zero weights and
// `scale` is left to the caller, who writes it once behind the tensor.
void encode_codes(GgmlType type, const uint8_t* codes, int64_t count, float scale, std::byte* out);
int64_t encoded_bytes(GgmlType type, int64_t count);

// A row of floats in F32, F16, BF16, Q8_0 or Q6_K; k is a multiple of the type's block.
void encode_row(GgmlType type, const float* row, int64_t k, std::byte* out);

}  // namespace bitnet::synth
