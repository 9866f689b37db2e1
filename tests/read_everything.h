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

inline Result<void> read_everything(std::span<const std::byte> bytes) {
  BITNET_TRY(const ModelFile model, ModelFile::parse(bytes, "fuzz.gguf"));
  shape_digest(problems_of(model.hparams.linear_shapes()));
  for (const LayerTensors& layer : model.layers) {
    for (const TernaryMatrix* matrix :
         {&layer.q, &layer.k, &layer.v, &layer.output, &layer.gate, &layer.up, &layer.down}) {
      // Row by row: what a row needs is in the file, what a matrix of a hostile file needs may not
      // be in memory.
      std::vector<int8_t> trits(static_cast<size_t>(matrix->k()));
      for (int64_t row = 0; row < matrix->n(); ++row)
        BITNET_CHECK(matrix->decode_rows(row, row + 1, trits.data()));
    }
  }
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
