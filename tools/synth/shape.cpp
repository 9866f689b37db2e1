#include "tools/synth/shape.h"

#include <array>

#include "runtime/base/printable.h"

namespace bitnet::synth {
namespace {

// 4B's original context is not known for certain. BitCPM's vocabularies are SentencePiece's, which
// this program does not write: of the vocabulary only the size is theirs.
constexpr RopeScaling yarn(int64_t original) {
  return {.stretch = RopeStretch::yarn, .factor = 4, .original_context = original};
}
constexpr RopeScaling longrope(int64_t original) {
  return {.stretch = RopeStretch::longrope, .original_context = original};
}

// clang-format off
constexpr std::array<Shape, 14> kShapes = {{
    //             architecture    hidden    ff layers heads kv size  vocabulary context    rope base  tied
    {"tiny",          "bitnet",       1024,  2560,  2,    8,  2, 128,    1024,      512,     10000.0F, true},
    {"tiny-qwen3",    "qwen3",         512,  1024,  3,    8,  2, 128,    1024,      512,   1000000.0F, true,  1e-6F, yarn(64)},
    {"tiny-minicpm",  "minicpm",       512,  1024,  3,    4,  2, 128,    1024,      512,     10000.0F, false, 1e-6F, longrope(256)},
    {"125M",          "bitnet",        768,  2048, 12,   12, 12,  64,   32000,     2048,     10000.0F, true},
    {"large",         "bitnet",       1536,  4096, 24,   16, 16,  96,   32002,     2048,     10000.0F, true},
    {"3B",            "bitnet",       3200,  8640, 26,   32, 32, 100,   32002,     2048,     10000.0F, true},
    {"2B4T",          "bitnet-b1.58", 2560,  6912, 30,   20,  5, 128,  128256,     4096,    500000.0F, true},
    {"llama3-8B",     "llama",        4096, 14336, 32,   32,  8, 128,  128256,     8192,    500000.0F, false},
    {"falcon3-10B",   "llama",        3072, 23040, 40,   12,  4, 256,  131072,    32768,   1000042.0F, false},
    {"bonsai-1.7B",   "qwen3",        2048,  6144, 28,   16,  8, 128,  151669,    32768,   1000000.0F, true,  1e-6F, yarn(8192)},
    {"bonsai-4B",     "qwen3",        2560,  9728, 36,   32,  8, 128,  151669,    32768,   1000000.0F, true,  1e-6F, yarn(8192)},
    {"bonsai-8B",     "qwen3",        4096, 12288, 36,   32,  8, 128,  151669,    65536,   1000000.0F, false, 1e-6F, yarn(16384)},
    {"bitcpm-1B",     "llama",        2048,  6144, 28,   16,  2, 128,   73448,    32768,     10000.0F, false, 1e-6F},
    {"bitcpm-8B",     "minicpm",      4096, 16384, 32,   32,  2, 128,   73448,    32768,     10000.0F, false, 1e-6F, longrope(32768)},
}};
// clang-format on

}  // namespace

std::span<const Shape> shapes() { return kShapes; }

Result<Shape> find_shape(std::string_view name) {
  std::string known;
  for (const Shape& shape : kShapes) {
    if (shape.name == name) return shape;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", shape.name);
  }
  return fail(Error::Kind::not_found, "shape {}: wanted one of {}", printable(name), known);
}

}  // namespace bitnet::synth
