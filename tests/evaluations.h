// Texts evaluated in many ways, for tests of the library end to end.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "runtime/session.h"
#include "tests/small_models.h"

namespace bitnet {

inline std::vector<uint32_t> bits(std::span<const float> values) {
  std::vector<uint32_t> out;
  for (const float v : values) out.push_back(std::bit_cast<uint32_t>(v));
  return out;
}

// How a text is evaluated.
struct Way {
  KernelChoice kernels = KernelChoice::builtin;
  std::optional<Isa> isa;
  int threads = 1;
  int64_t batch = 512;  // tokens at once
};

// Types of the cached keys and values.
struct KvTypes {
  KvType k = KvType::f16, v = KvType::f16;
};
inline constexpr KvTypes kKvTypes[] = {{KvType::f16, KvType::f16},
                                       {KvType::f16, KvType::f32},
                                       {KvType::f32, KvType::f16},
                                       {KvType::f32, KvType::f32}};

inline std::string describe(const Way& way) {
  return fmt::format("{} isa={} threads={} batch={}",
                     way.kernels == KernelChoice::reference ? "reference" : "builtin",
                     way.isa ? name(*way.isa) : "best", way.threads, way.batch);
}

inline Model load(const std::string& path, const Way& way) {
  ModelOptions options;
  options.kernels = way.kernels;
  options.isa = way.isa;
  options.threads = way.threads;
  options.batch = way.batch;
  Result<Model> model = Model::load(path, options);
  if (!model) {
    ADD_FAILURE() << model.error().message;
    std::abort();
  }
  return std::move(*model);
}

inline std::vector<int32_t> prompt_of(const Model& model, int tokens, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int32_t> id(0, static_cast<int32_t>(model.vocabulary()) - 1);
  std::vector<int32_t> prompt;
  for (int i = 0; i < tokens; ++i) prompt.push_back(id(random));
  return prompt;
}

inline std::vector<TokenRequest> requests_for(Sequence& sequence, std::span<const int32_t> tokens,
                                              Want want) {
  std::vector<TokenRequest> requests;
  for (const int32_t token : tokens)
    requests.push_back({.sequence = &sequence, .token = token, .want = want});
  return requests;
}

class EverySmallModel : public testing::TestWithParam<SmallModel> {
 protected:
  std::string path() const { return small_model_files().path(GetParam()); }
};

}  // namespace bitnet
