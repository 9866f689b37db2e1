// What a program does with a model file before it computes anything: every byte that is read here
// is read by a user who opens a file from the internet. Must not crash, whatever the bytes; returns
// the error, if there is one.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "runtime/kernel/problem.h"
#include "runtime/model/model_file.h"
#include "runtime/text/tokenizer.h"

namespace bitnet::testing {

// Every ternary tensor, of a model or not. Row by row: what a row needs is in the file, what a
// matrix of a hostile file needs may not be in memory.
inline Result<void> read_ternary_tensors(const Gguf& file) {
  for (const TensorInfo& tensor : file.tensors()) {
    if (!traits(tensor.type).ternary) continue;
    BITNET_TRY(const TernaryMatrix matrix, TernaryMatrix::open(file, tensor));
    std::vector<int8_t> trits(static_cast<size_t>(matrix.k()));
    for (int64_t row = 0; row < matrix.n(); ++row) {
      BITNET_CHECK(matrix.decode_rows(row, row + 1, trits.data()));
      if (matrix.group() == 0 || matrix.one_scale()) continue;
      std::vector<uint16_t> scales(static_cast<size_t>(matrix.k() / matrix.group()));
      BITNET_CHECK(matrix.decode_scales(row, row + 1, scales.data()));
    }
    if (matrix.group() > 0) static_cast<void>(matrix.constant_group(0, matrix.n()));
  }
  return {};
}

inline Result<void> read_everything(std::span<const std::byte> bytes) {
  BITNET_TRY(const Gguf file, Gguf::parse(bytes, "fuzz.gguf"));
  BITNET_CHECK(read_ternary_tensors(file));
  BITNET_TRY(const ModelFile model, ModelFile::parse(bytes, "fuzz.gguf"));
  shape_digest(model.problems());
  for (const FloatMatrix* matrix : {&model.embedding, &model.head}) {
    unsigned sum = 0;
    for (int64_t i = 0; i < matrix->n * matrix->row_bytes; ++i)
      sum += static_cast<unsigned>(matrix->rows[i]);
    volatile unsigned kept = sum;  // the reads must happen: the sanitizer watches them
    static_cast<void>(kept);
  }
  BITNET_TRY(const Tokenizer tokenizer, Tokenizer::open(model.file));
  const std::vector<int32_t> ids = tokenizer.encode("Hello, wörld\n\n  123", true, true);
  tokenizer.decode(ids);
  return {};
}

}  // namespace bitnet::testing
