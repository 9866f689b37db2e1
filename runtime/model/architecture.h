// What sets one architecture apart from another, as data. The reader of model files, the table of
// keys and the forward pass go by it, so that another architecture is another row of the table in
// architecture.cpp. Every layer is
//
//   x = x + r * output(norm(attention(rope(norm(q)), rope(norm(k)), v)))    q, k, v of norm(x)
//   x = x + r * down(norm(activation(gate) * up))                           gate, up of norm(x)
//
// with those of the norms that a description names. What stands in no description (a bias, a norm
// behind a block, one before each of q, k and v) is no key and no tensor of a file that is read.
//
//   arch                           gate          sub-norms  q, k norms  scales  RoPE
//   bitnet                         SiLU (a)      yes        no          no      NEOX
//   bitnet-b1.58, alias bitnet-25  squared ReLU  yes        no          no      NEOX
//   llama                          SiLU          no         no          no      NORM
//   qwen3                          SiLU          no         yes         no      NEOX
//   minicpm                        SiLU          no         no          yes     NORM
//
//   bitnet: bitnet_b1_58-large, -3B, the demo; bitnet-b1.58: BitNet-b1.58-2B-4T; llama: with
//   ternary linears (Llama3-8B-1.58, Falcon3, Falcon-E, BitCPM 1B, 3B); qwen3: Bonsai; minicpm:
//   BitCPM 0.5B, 8B
//
// (a) Or what bitnet.hidden_activation says; a file of the shape of 2B-4T that says nothing has
// squared ReLU: llama.cpp's converter calls it bitnet, too.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/kernel/problem.h"
#include "runtime/model/file_options.h"

namespace bitnet {

class TernaryMatrix;
struct LayerTensors;

enum class RopeKind : uint8_t {
  neox,  // pairs (i, i + dimensions/2)
  norm,  // pairs (2i, 2i + 1)
};

// blk.N.<name>.weight, and where its values go.
struct NormDescription {
  std::string_view name;  // empty: there is none
  std::span<const float> LayerTensors::* place;
};
struct MatrixDescription {
  std::string_view name;
  TernaryMatrix LayerTensors::* place;
  int64_t LinearShapes::* rows;
};

// Matrices that share an input, and so are one problem, in the order of its rows.
struct ProductDescription {
  NormDescription norm;  // of the input that they share
  int64_t LinearShapes::* columns;
  std::span<const MatrixDescription> matrices;
};

// What absent keys of scales mean: MiniCPM's older files have none.
struct ScaleDefaults {
  double embedding;  // embedding_scale
  double depth;      // residual_scale is depth / sqrt(layers)
  double base;       // logit_scale is the embedding length / base
};

struct Architecture {
  std::string_view name;  // general.architecture
  GateActivation gate;
  RopeKind rope;
  std::span<const ProductDescription> products;
  // RMSNorms over the head size, of each head of q and of k, before RoPE; or none.
  std::span<const NormDescription> head_norms;
  // Where it has factors of embedding, residuals and logits. Elsewhere such keys must be neutral.
  std::optional<ScaleDefaults> scales;
};

std::span<const Architecture> architectures();
const Architecture* find_architecture(std::string_view name);  // null: none of them
std::string architecture_names();                              // "bitnet, llama or qwen3"

}  // namespace bitnet
