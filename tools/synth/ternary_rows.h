// Rows of a ternary or binary matrix with random weights, as bytes of a type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/types.h"

namespace bitnet::synth {

struct TernaryTensor {
  std::string_view name;
  GgmlType type;
  int64_t k;
  float scale;    // of the matrix, exact in F16; groups have scales around it
  int64_t group;  // weights that share a scale, in whatever type; 0: one scale a matrix
};

// The group that a type is written with where none was asked for: one scale a matrix where the type
// allows it, else 128, as the Bonsai models have.
int64_t default_group(GgmlType type);
// Whether the type can hold groups of this size in rows of k. Says why not, without the tensor.
Result<void> check_group(GgmlType type, int64_t group, int64_t k);

struct RowBuffers {
  std::vector<uint8_t> codes;
  std::vector<uint16_t> scales;
};
// Rows n0..n1 to out. What a row holds depends on seed, name, k and group alone, but that binary
// types have weights of their own.
void make_ternary_rows(const TernaryTensor& tensor, uint64_t seed, int64_t n0, int64_t n1,
                       RowBuffers& buffers, std::vector<std::byte>& out);

}  // namespace bitnet::synth
