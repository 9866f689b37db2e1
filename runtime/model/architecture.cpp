#include "runtime/model/architecture.h"

#include <algorithm>

#include "runtime/model/model_file.h"

namespace bitnet {
namespace {

using L = LayerTensors;
using S = LinearShapes;

// clang-format off
constexpr MatrixDescription kQkv[]    = {{"attn_q",      &L::q,      &S::q_rows},
                                         {"attn_k",      &L::k,      &S::kv_rows},
                                         {"attn_v",      &L::v,      &S::kv_rows}},
                            kOutput[] = {{"attn_output", &L::output, &S::hidden}},
                            kGateUp[] = {{"ffn_gate",    &L::gate,   &S::feed_forward},
                                         {"ffn_up",      &L::up,     &S::feed_forward}},
                            kDown[]   = {{"ffn_down",    &L::down,   &S::hidden}};

constexpr ProductDescription kPreNorms[] = {
    {{"attn_norm", &L::attn_norm}, &S::hidden,       kQkv},
    {{},                           &S::q_rows,       kOutput},
    {{"ffn_norm", &L::ffn_norm},   &S::hidden,       kGateUp},
    {{},                           &S::feed_forward, kDown},
};
constexpr ProductDescription kSubNorms[] = {
    {{"attn_norm", &L::attn_norm},         &S::hidden,       kQkv},
    {{"attn_sub_norm", &L::attn_sub_norm}, &S::q_rows,       kOutput},
    {{"ffn_norm", &L::ffn_norm},           &S::hidden,       kGateUp},
    {{"ffn_sub_norm", &L::ffn_sub_norm},   &S::feed_forward, kDown},
};
constexpr NormDescription kHeadNorms[] = {{"attn_q_norm", &L::q_norm}, {"attn_k_norm", &L::k_norm}};
constexpr ScaleDefaults kMiniCpm = {.embedding = 12, .depth = 1.4, .base = 256};

constexpr Architecture kArchitectures[] = {
    {"bitnet",       GateActivation::silu,  RopeKind::neox, kSubNorms, {},         {}},
    {"bitnet-b1.58", GateActivation::relu2, RopeKind::neox, kSubNorms, {},         {}},
    {"bitnet-25",    GateActivation::relu2, RopeKind::neox, kSubNorms, {},         {}},
    {"llama",        GateActivation::silu,  RopeKind::norm, kPreNorms, {},         {}},
    {"qwen3",        GateActivation::silu,  RopeKind::neox, kPreNorms, kHeadNorms, {}},
    {"minicpm",      GateActivation::silu,  RopeKind::norm, kPreNorms, {},         kMiniCpm},
};
// clang-format on

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

const Architecture* find_architecture(std::string_view name) {
  const auto found = std::ranges::find(kArchitectures, name, &Architecture::name);
  return found == std::end(kArchitectures) ? nullptr : &*found;
}

std::string architecture_names() {
  std::string text;
  for (const Architecture& a : kArchitectures) {
    if (!text.empty()) text += &a == std::end(kArchitectures) - 1 ? " or " : ", ";
    text += a.name;
  }
  return text;
}

}  // namespace bitnet
