// Small models for tests of the forward pass, one of each architecture, with shapes that leave
// tails everywhere.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "runtime/threads/pool.h"
#include "tools/synth/synth.h"

namespace bitnet {

struct SmallModel {
  const char* name;
  const char* architecture;
  int64_t hidden, feed_forward, heads, kv_heads, head_size, vocabulary;
  GgmlType type, head;
};

// squared ReLU, groups of 4 query heads | SiLU, sub-norms | no sub-norms, RoPE of neighbours |
// norms of heads, YaRN, more features in all heads than in the model | scales, longrope
constexpr SmallModel kSmallModels[] = {
    {"b158", "bitnet-b1.58", 256, 384, 8, 2, 32, 333, GgmlType::i2_s, GgmlType::q6_k},
    {"bitnet", "bitnet", 160, 288, 5, 5, 32, 323, GgmlType::i2_s, GgmlType::f16},
    {"llama", "llama", 256, 512, 4, 2, 100, 357, GgmlType::i2_s, GgmlType::q8_0},
    {"qwen3", "qwen3", 160, 288, 6, 2, 48, 331, GgmlType::i2_s, GgmlType::f16},
    {"minicpm", "minicpm", 256, 288, 4, 2, 64, 345, GgmlType::i2_s, GgmlType::q6_k},
};

// Writes them once a process, into a folder that goes away with it.
class SmallModelFiles {
 public:
  SmallModelFiles()
      : folder_(std::filesystem::temp_directory_path() / fmt::format("bitnet-small-{}", getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~SmallModelFiles() { std::filesystem::remove_all(folder_); }

  std::string path(const SmallModel& model) {
    const std::string path = folder_ / (std::string(model.name) + ".gguf");
    if (std::filesystem::exists(path)) return path;
    synth::Shape shape = synth::find_shape("tiny").value();
    shape.architecture = model.architecture;
    shape.hidden = model.hidden;
    shape.feed_forward = model.feed_forward;
    shape.layers = 3;
    shape.heads = model.heads;
    shape.kv_heads = model.kv_heads;
    shape.head_size = model.head_size;
    shape.vocabulary = model.vocabulary;
    shape.context = 1024;
    if (shape.architecture == "qwen3")
      shape.rope_scaling = {.stretch = RopeStretch::yarn, .factor = 4, .original_context = 32};
    if (shape.architecture == "minicpm")
      shape.rope_scaling = {.stretch = RopeStretch::longrope, .original_context = 100};
    ThreadPool pool = ThreadPool::start(1).value();
    const auto written =
        synth::write_model(path, shape, {.type = model.type, .head = model.head, .seed = 7}, pool);
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }

 private:
  std::filesystem::path folder_;
};

inline SmallModelFiles& small_model_files() {
  static SmallModelFiles files;
  return files;
}

}  // namespace bitnet
