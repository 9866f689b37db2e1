// What a model file says of its architecture, checked and complete; and its tensors by role. The
// activation follows from the architecture's name, never from a default; an unknown architecture is
// refused.
//
//   arch                           gate          sub-norms  RoPE  models
//   bitnet                         SiLU          yes        NEOX  bitnet_b1_58-large, -3B, the demo
//   bitnet-b1.58, alias bitnet-25  squared ReLU  yes        NEOX  BitNet-b1.58-2B-4T
//   llama (ternary linears)        SiLU          no         NORM  Llama3-8B-1.58, Falcon3, Falcon-E
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"
#include "runtime/gguf/ternary.h"
#include "runtime/kernel/problem.h"

namespace bitnet {

enum class GateActivation : uint8_t { silu, relu2 };
enum class RopeKind : uint8_t {
  neox,  // pairs (i, i + head/2)
  norm,  // pairs (2i, 2i + 1)
};

struct Hparams {
  std::string architecture;  // as in the file
  std::string name;          // general.name, may be empty
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
Result<Hparams> read_hparams(const Gguf& file);

// A row-major matrix of floats in the file's own type (F32, F16, BF16, Q8_0, Q6_K): embedding and
// head.
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
  std::vector<LayerTensors> layers;
  // Norm vectors that the file does not store 4-byte aligned or as F32 (F16 and BF16 are accepted)
  // live here.
  std::vector<std::vector<float>> converted;

  static Result<ModelFile> open(const std::string& path);
  // For tests and fuzzing: bytes must outlive the result; name stands in messages.
  static Result<ModelFile> parse(std::span<const std::byte> bytes, const std::string& name);
};

}  // namespace bitnet
