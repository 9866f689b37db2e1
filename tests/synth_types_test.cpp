// What bitnet-synth writes in each type is what the readers make of it: the same numbers in every
// type that can hold them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>

#include "runtime/base/half.h"
#include "runtime/gguf/ternary.h"
#include "runtime/model/float_kernels.h"
#include "tools/synth/synth.h"

namespace bitnet::synth {
namespace {

Shape small() {
  Shape shape = find_shape("tiny").value();
  shape.hidden = 512;
  shape.feed_forward = 256;
  shape.layers = 1;
  shape.vocabulary = 400;
  shape.tied_head = false;
  return shape;
}

class SynthTypes : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / fmt::format("bitnet-synth-types-{}", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Gguf write(const Options& options, const Shape& shape = small()) {
    const std::string path = folder_ / fmt::format("{}.gguf", count_++);
    ThreadPool pool = ThreadPool::start(2).value();
    const auto written = write_model(path, shape, options, pool);
    EXPECT_TRUE(written) << written.error().message;
    return Gguf::open(path).value();
  }
  std::string error(const Options& options, const Shape& shape = small()) {
    ThreadPool pool = ThreadPool::start(1).value();
    const auto written = write_model(folder_ / "no.gguf", shape, options, pool);
    return written ? "none" : written.error().message;
  }

  std::filesystem::path folder_;
  int count_ = 0;
};

struct Weights {
  std::vector<float> values;
  int64_t group = 0;
  std::set<uint16_t> scales;
};

Weights weights_of(const Gguf& file, std::string_view name) {
  const auto matrix = TernaryMatrix::open(file, *file.find(name));
  EXPECT_TRUE(matrix) << matrix.error().message;
  std::vector<int8_t> trits(static_cast<size_t>(matrix->n() * matrix->k()));
  std::vector<uint16_t> scales(trits.size() / static_cast<size_t>(matrix->group()));
  EXPECT_TRUE(matrix->decode_rows(0, matrix->n(), trits.data()));
  EXPECT_TRUE(matrix->decode_scales(0, matrix->n(), scales.data()));
  Weights out{.values = {},
              .group = matrix->constant_group(0, matrix->n()),
              .scales = {scales.begin(), scales.end()}};
  for (size_t i = 0; i < trits.size(); ++i)
    out.values.push_back(static_cast<float>(trits[i]) *
                         float_from_half(scales[i / static_cast<size_t>(matrix->group())]));
  return out;
}

constexpr const char* kMatrices[] = {"token_embd.weight", "output.weight", "blk.0.attn_k.weight",
                                     "blk.0.ffn_down.weight"};

TEST_F(SynthTypes, EveryTernaryTypeHoldsTheSameGroups) {
  for (const int64_t group : {64, 128, 256}) {
    std::vector<GgmlType> types = {GgmlType::q2_0};
    if (group >= 128)
      types.insert(types.end(), {GgmlType::q2_0_g128, GgmlType::pq2_0, GgmlType::ptq1_0});
    if (group >= 256) types.insert(types.end(), {GgmlType::tq2_0, GgmlType::tq1_0});
    const Gguf first = write({.type = types[0], .group = group, .head = types[0]});
    for (const char* name : kMatrices) EXPECT_EQ(weights_of(first, name).group, group) << name;
    for (const GgmlType type : types) {
      const Gguf file = write({.type = type, .group = group, .head = type});
      for (const char* name : kMatrices) {
        EXPECT_EQ(file.find(name)->type, type) << name;
        const Weights got = weights_of(file, name), want = weights_of(first, name);
        EXPECT_EQ(got.values, want.values) << traits(type).name << " " << name;
        EXPECT_GT(got.scales.size(), 50U);
      }
    }
  }
}

TEST_F(SynthTypes, BinaryWeightsAreNeverZero) {
  const Gguf file = write({.type = GgmlType::q1_0, .head = GgmlType::q1_0});
  for (const char* name : kMatrices) {
    const Weights weights = weights_of(file, name);
    EXPECT_EQ(weights.group, 128);
    const auto plus = std::ranges::count_if(weights.values, [](float x) { return x > 0; });
    EXPECT_EQ(std::ranges::count(weights.values, 0.0F), 0);
    EXPECT_NEAR(static_cast<double>(plus) / static_cast<double>(weights.values.size()), 0.5, 0.01);
  }
}

TEST_F(SynthTypes, WithoutAGroupTqTypesHaveOneScale) {
  const Gguf file = write({.type = GgmlType::tq2_0, .head = GgmlType::tq1_0});
  for (const char* name : kMatrices) EXPECT_EQ(weights_of(file, name).scales.size(), 1U);
}

TEST_F(SynthTypes, HeadsOfEveryTypeAreNearTheExactRows) {
  struct Head {
    GgmlType type;
    double error;  // of a row, in parts of its norm
  };
  const Gguf exact = write({.head = GgmlType::f32});
  const auto rows_of = [](const Gguf& file) {
    const TensorInfo& tensor = *file.find("output.weight");
    const auto row_bytes = static_cast<int64_t>(tensor.data.size()) / tensor.n();
    std::vector<float> rows(static_cast<size_t>(tensor.n() * tensor.k()));
    for (int64_t n = 0; n < tensor.n(); ++n)
      reference_float_kernels().embed(
          static_cast<int32_t>(tensor.type),
          reinterpret_cast<const uint8_t*>(tensor.data.data()) + n * row_bytes, tensor.k(),
          rows.data() + n * tensor.k());
    return rows;
  };
  const std::vector<float> want = rows_of(exact);
  for (const Head head : {Head{GgmlType::q4_0, 0.11},
                          {GgmlType::q4_1, 0.09},
                          {GgmlType::q4_k, 0.09},
                          {GgmlType::q5_0, 0.05},
                          {GgmlType::q5_k, 0.045},
                          {GgmlType::q6_k, 0.03}}) {
    const std::vector<float> got = rows_of(write({.head = head.type}));
    double error = 0, norm = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      error += std::pow(double{got[i]} - want[i], 2);
      norm += std::pow(double{want[i]}, 2);
    }
    EXPECT_LT(std::sqrt(error / norm), head.error) << traits(head.type).name;
    EXPECT_GT(std::sqrt(error / norm), head.error / 2) << traits(head.type).name;
  }
}

TEST_F(SynthTypes, GroupsThatATypeCannotHoldAreRefused) {
  EXPECT_EQ(error({.type = GgmlType::i2_s, .group = 128}),
            "blk.0.attn_q.weight: I2_S has one scale a matrix and cannot hold groups of 128");
  EXPECT_EQ(
      error({.type = GgmlType::tq2_0, .group = 128}),
      "blk.0.attn_q.weight: TQ2_0 has a scale for every 256 weights and cannot hold groups of "
      "128");
  EXPECT_EQ(
      error({.type = GgmlType::pq2_0, .group = 64}),
      "blk.0.attn_q.weight: PQ2_0 has a scale for every 128 weights and cannot hold groups of "
      "64");
  Shape shape = small();
  shape.feed_forward = 384;
  EXPECT_EQ(error({.type = GgmlType::q2_0, .group = 256}, shape),
            "blk.0.ffn_down.weight: K=384 is not a multiple of the group size 256");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace bitnet::synth
