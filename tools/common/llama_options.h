// Options of llama.cpp that mean nothing to these programs: about GPUs, memory mapping, colours.
// Command lines that people have are full of them, so they are read with their values, named in one
// line and ignored. Others would change what is computed; those are refused with what to do
// instead. Options that a program has itself never get here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace bitnet {

struct LlamaOption {
  enum class Value : uint8_t {
    one,   // whatever the next word is
    maybe  // a switch: the next word belongs to it only if it says on, off, auto, 0, 1 ..
  };
  std::string_view names;  // "-ngl,--gpu-layers,--n-gpu-layers"
  Value value;
  std::string_view instead = {};  // refused: what to do; empty: ignored
};

std::span<const LlamaOption> llama_options();
// The one that is written like this ("-ngl", "--gpu-layers"), or null.
const LlamaOption* find_llama_option(std::string_view word);
// "on", "off", "auto", "0", "1", "enabled" ..., or such ones separated by commas (llama-bench).
bool is_switch_value(std::string_view word);

}  // namespace bitnet
