// The shapes that bitnet-synth knows by name, and what may be changed of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace bitnet::synth {

struct Shape {
  std::string_view name;
  std::string_view architecture;
  int64_t hidden, feed_forward, layers, heads, kv_heads, head_size, vocabulary, context;
  float rope_base;
  bool tied_head;

  int64_t q_rows() const { return heads * head_size; }
  int64_t kv_rows() const { return kv_heads * head_size; }
  bool sub_norms() const { return architecture != "llama"; }
};

std::span<const Shape> shapes();
Result<Shape> find_shape(std::string_view name);

}  // namespace bitnet::synth
