// What a model file says of its architecture, checked and complete; and its tensors by role. The
// activation is what the file says, else what the architecture's name means; an unknown
// architecture is refused, and so is every key that asks for more than this (known_keys.h).
//
//   arch                           gate          sub-norms  RoPE  models
//   bitnet                         SiLU (a)      yes        NEOX  bitnet_b1_58-large, -3B, the demo
//   bitnet-b1.58, alias bitnet-25  squared ReLU  yes        NEOX  BitNet-b1.58-2B-4T
//   llama (ternary linears)        SiLU          no         NORM  Llama3-8B-1.58, Falcon3, Falcon-E
//
// (a) Or what bitnet.hidden_activation says; a file of the shape of 2B-4T that says nothing has
// squared ReLU: llama.cpp's converter calls it bitnet, too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"
#include "runtime/gguf/ternary.h"
#include "runtime/kernel/problem.h"
#include "runtime/model/file_options.h"

namespace bitnet {

enum class RopeKind : uint8_t {
  neox,  // pairs (i, i + head/2)
  norm,  // pairs (2i, 2i + 1)
};

struct Hparams {
  std::string architecture;  // as in the file
  std::string name;          // general.name, printable, may be empty
  GateActivation gate = GateActivation::silu;
  RopeKind rope = RopeKind::neox;
  bool sub_norms = false;
  int64_t vocabulary = 0, context = 0;
  int64_t hidden = 0, feed_forward = 0, layers = 0;
  int64_t heads = 0, kv_heads = 0, head_size = 0;  // kv_heads divides heads
  int64_t rope_dimensions = 0;  // even, <= head_size; the rest of a head is not rotated
  float rms_epsilon = 1e-5F;
  double rope_base = 10000.0;

  LinearShapes linear_shapes() const;
};
// Says in `notices` what was assumed and what is ignored.
Result<Hparams> read_hparams(const Gguf& file, const ModelFileOptions& options,
                             std::vector<std::string>& notices);

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
  std::span<const float> attn_sub_norm,
      ffn_sub_norm;  // [q rows], [feed_forward]; empty without sub-norms
};

// All of a model file, typed and checked: every tensor there, of the right type and shape. Views
// into `file`.
struct ModelFile {
  Gguf file;
  Hparams hparams;
  FloatMatrix embedding, head;  // head == embedding where tied
  std::span<const float> output_norm;
  std::span<const float> rope_factors;  // [rope dimensions / 2]: divide frequencies; or empty
  std::vector<LayerTensors> layers;
  // Norm vectors that the file does not store 4-byte aligned or as F32 (F16 and BF16 are accepted)
  // live here.
  std::vector<std::vector<float>> converted;
  std::vector<std::string> notices;  // lines for the user: what was assumed, what is ignored

  static Result<ModelFile> open(const std::string& path, const ModelFileOptions& options = {});
  // For tests and fuzzing: bytes must outlive the result; name stands in messages.
  static Result<ModelFile> parse(std::span<const std::byte> bytes, const std::string& name,
                                 const ModelFileOptions& options = {});
};

}  // namespace bitnet
