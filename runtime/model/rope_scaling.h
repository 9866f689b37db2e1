// RoPE's frequencies, and how they change where a model takes longer texts than it was first
// trained with. llama.cpp's formulas (v0.5.0), in 106 bits:
//   rope_yarn, ggml_rope_cache_init (ggml/src/ggml-cpu/ops.cpp)  the angle, magnitude of cos and
//   sin ggml_rope_yarn_corr_dims (ggml/src/ggml.c)                   where YaRN's ramp begins and
//   ends llama_context (src/llama-context.cpp)                        YaRN's own magnitude, counted
//   once llama_model::get_rope_factors (src/llama-model.cpp)          which factors longrope takes
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/base/double_double.h"

namespace bitnet {

enum class RopeStretch : uint8_t { none, linear, yarn, longrope };
std::string_view name(RopeStretch stretch);  // as rope.scaling.type has it
std::optional<RopeStretch> rope_stretch(std::string_view name);

struct RopeScaling {
  RopeStretch stretch = RopeStretch::none;
  double factor = 1;             // how many times longer: linear, yarn
  int64_t original_context = 0;  // tokens: yarn, longrope
  double attention_factor = 1;   // of cos and sin, whatever the stretch
};

struct RopeSettings {
  double base = 10000;
  int64_t dimensions = 0;  // of a head, even; the rest of it is not rotated
  RopeScaling scaling{};
};

// Radians a position of each pair. factors[dimensions / 2], or none: the frequency of pair i is
// divided by factor i (rope_freqs of Llama 3.1, rope_factors of longrope).
std::vector<DoubleDouble> rope_frequencies(const RopeSettings& rope,
                                           std::span<const float> factors = {});
// What cos and sin are multiplied by.
double rope_magnitude(const RopeScaling& scaling);

// YaRN keeps the frequencies of pairs up to `low` (at least 32 turns in the original context),
// divides those from `high` on (at most one turn) by the factor, and blends in between.
struct YarnRamp {
  double low, high;
};
YarnRamp yarn_ramp(const RopeSettings& rope);

}  // namespace bitnet
