// The tensors of a model file by role, checked: every one that its architecture asks for, of the
// right type and shape, and none beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"
#include "runtime/gguf/ternary.h"
#include "runtime/model/hparams.h"

namespace bitnet {

// A row-major matrix in the file's own type, whose rows can be read as floats (BnFloatType):
// embedding and head.
struct FloatMatrix {
  std::string name;
  GgmlType type = GgmlType::f16;
  int64_t n = 0, k = 0, row_bytes = 0;
  const std::byte* rows = nullptr;  // inside the mapping
};

struct LayerTensors {
  TernaryMatrix q, k, v, output, gate, up, down;
  std::span<const float> attn_norm, ffn_norm;  // [hidden]
  // [q rows], [feed_forward]; empty without sub-norms
  std::span<const float> attn_sub_norm, ffn_sub_norm;
  std::span<const float> q_norm, k_norm;  // [head size]; empty without norms of heads
};

// All of a model file, typed and checked: every tensor there, of the right type and shape. Views
// into `file`.
struct ModelFile {
  Gguf file;
  Hparams hparams;
  FloatMatrix embedding, head;  // head == embedding where tied
  std::span<const float> output_norm;
  // [rope dimensions / 2], or empty: divide frequencies. Of longrope those of contexts up to the
  // original one, and those of longer ones.
  std::span<const float> rope_factors, rope_factors_long;
  std::vector<LayerTensors> layers;
  std::vector<int64_t> groups;  // of each of problems(): Problem::group, the same in all layers
  // Norm vectors that the file does not store 4-byte aligned or as F32 (F16 and BF16 are accepted)
  // live here.
  std::vector<std::vector<float>> converted;
  std::vector<std::string> notices;  // lines for the user: what was assumed, what is ignored

  // What its layers ask of kernels.
  std::vector<Problem> problems() const;

  static Result<ModelFile> open(const std::string& path, const ModelFileOptions& options = {});
  // For tests and fuzzing: bytes must outlive the result; name stands in messages.
  static Result<ModelFile> parse(std::span<const std::byte> bytes, const std::string& name,
                                 const ModelFileOptions& options = {});
};

}  // namespace bitnet
