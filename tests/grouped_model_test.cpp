// Models whose matrices have a scale for every group of weights: every kernel gives the reference's
// logits, and the same weights give the same logits whatever type stores them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/model/model_file.h"
#include "runtime/session.h"
#include "tests/logits.h"
#include "tools/synth/synth.h"

namespace bitnet {
namespace {

class GroupedModel : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // group: at which scales are drawn.
  std::string write(GgmlType type, int64_t group, uint64_t seed = 7) const {
    synth::Shape shape = synth::find_shape("tiny").value();
    shape.architecture = "qwen3";
    shape.hidden = 512;
    shape.feed_forward = 768;
    shape.layers = 2;
    shape.heads = 4;
    shape.kv_heads = 2;
    shape.head_size = 128;
    shape.vocabulary = 333;
    shape.context = 512;
    const std::string path = folder_ / fmt::format("{}-{}.gguf", static_cast<int>(type), group);
    ThreadPool pool = ThreadPool::start(1).value();
    const auto written = synth::write_model(
        path, shape, {.type = type, .group = group, .head = GgmlType::f16, .seed = seed}, pool);
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }

 private:
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / fmt::format("bitnet-grouped-{}", getpid());
};

// Of some tokens, evaluated together and then one by one.
std::vector<uint32_t> logits_of(const std::string& path, KernelChoice kernels, int threads = 1) {
  auto loaded = Model::load(path, {.threads = threads, .kernels = kernels});
  EXPECT_TRUE(loaded) << loaded.error().message;
  if (!loaded) return {};
  return logits_of(*loaded, {{1, 37}, {40, 3}, {50, 1}});
}

TEST_F(GroupedModel, EveryTypeGivesTheReferencesLogits) {
  for (const GgmlType type : {GgmlType::q1_0, GgmlType::q2_0, GgmlType::q2_0_g128, GgmlType::pq2_0,
                              GgmlType::ptq1_0, GgmlType::tq1_0, GgmlType::tq2_0}) {
    const bool tq = type == GgmlType::tq1_0 || type == GgmlType::tq2_0;
    const std::string path = write(type, tq ? 256 : 128);
    const auto want = logits_of(path, KernelChoice::reference);
    ASSERT_FALSE(want.empty());
    EXPECT_EQ(logits_of(path, KernelChoice::builtin), want) << traits(type).name;
    EXPECT_EQ(logits_of(path, KernelChoice::builtin, 2), want) << traits(type).name;
  }
}

TEST_F(GroupedModel, TheSameWeightsGiveTheSameLogitsInEveryType) {
  const auto of = [&](GgmlType type, int64_t group) {
    return logits_of(write(type, group), KernelChoice::builtin);
  };
  const auto coarse = of(GgmlType::q2_0, 256);
  for (const GgmlType type :
       {GgmlType::pq2_0, GgmlType::ptq1_0, GgmlType::tq1_0, GgmlType::tq2_0, GgmlType::q2_0_g128})
    EXPECT_EQ(of(type, 256), coarse) << traits(type).name;
  const auto fine = of(GgmlType::pq2_0, 128);
  EXPECT_NE(fine, coarse);
  EXPECT_EQ(of(GgmlType::q2_0, 128), fine);
  EXPECT_EQ(of(GgmlType::ptq1_0, 128), fine);
  EXPECT_NE(of(GgmlType::q2_0, 64), fine);
}

TEST_F(GroupedModel, ItsGroupIsTheLargestWithinWhichScalesAreEqual) {
  for (const int64_t group : {64, 128, 256}) {
    const ModelFile file = ModelFile::open(write(GgmlType::q2_0, group)).value();
    EXPECT_EQ(file.groups, std::vector<int64_t>(4, group));
    EXPECT_TRUE(describe(file.problems()[0]).ends_with(fmt::format("/{}", group)));
  }
  EXPECT_EQ(ModelFile::open(write(GgmlType::tq2_0, 0)).value().groups, std::vector<int64_t>(4, 0));
}

TEST_F(GroupedModel, FloatActivationsRefuseIt) {
  const auto loaded =
      Model::load(write(GgmlType::pq2_0, 128), {.threads = 1, .activations = Activations::float32});
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().message.ends_with(
      "float activations take one scale a matrix, this model has one for every 128 weights"))
      << loaded.error().message;
}

}  // namespace
}  // namespace bitnet
