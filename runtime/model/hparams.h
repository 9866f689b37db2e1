// What a model file says of its architecture, checked and complete; its tensors are model_file.h's.
// The activation is what the file says, else what the architecture's name means; an unknown
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
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"
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

}  // namespace bitnet
