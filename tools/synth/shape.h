// The shapes that bitnet-synth knows by name, and what may be changed of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/kernel/problem.h"
#include "runtime/model/rope_scaling.h"

namespace bitnet::synth {

struct Shape {
  std::string_view name;
  std::string_view architecture;
  int64_t hidden, feed_forward, layers, heads, kv_heads, head_size, vocabulary, context;
  float rope_base;
  bool tied_head;
  float rms_epsilon = 1e-5F;
  RopeScaling rope_scaling = {};  // none: the file says nothing of it

  LinearShapes linear_shapes() const {
    return {.hidden = hidden,
            .q_rows = heads * head_size,
            .kv_rows = kv_heads * head_size,
            .feed_forward = feed_forward,
            .layers = static_cast<int>(layers)};
  }
};

std::span<const Shape> shapes();
Result<Shape> find_shape(std::string_view name);

}  // namespace bitnet::synth
