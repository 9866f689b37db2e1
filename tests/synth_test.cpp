// Synthetic models: readable in every type, the same weights in all of them, statistics as
// promised.
#include "tools/synth/synth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/base/half.h"
#include "runtime/model/model_file.h"
#include "tools/synth/encode.h"
#include "tools/synth/random.h"

namespace bitnet::synth {
namespace {

class Synth : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / fmt::format("bitnet-synth-test-{}", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }

  std::string write(const Shape& shape, const Options& options, int threads = 2) {
    const std::string name = path(fmt::format("{}.gguf", count_++));
    ThreadPool pool = ThreadPool::start(threads).value();
    const auto written = write_model(name, shape, options, pool);
    EXPECT_TRUE(written) << written.error().message;
    if (written) {
      EXPECT_EQ(written->file_bytes, std::filesystem::file_size(name));
    }
    return name;
  }

  std::filesystem::path folder_;
  int count_ = 0;
};

Shape small() {
  Shape shape = find_shape("tiny").value();
  shape.hidden = 256;
  shape.feed_forward = 512;
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.head_size = 64;
  shape.vocabulary = 700;
  return shape;
}

std::vector<int8_t> trits_of(const TernaryMatrix& matrix) {
  std::vector<int8_t> trits(static_cast<size_t>(matrix.n() * matrix.k()));
  EXPECT_TRUE(matrix.decode_rows(0, matrix.n(), trits.data()));
  return trits;
}

std::vector<const TernaryMatrix*> linears(const ModelFile& model) {
  std::vector<const TernaryMatrix*> out;
  for (const LayerTensors& l : model.layers)
    out.insert(out.end(), {&l.q, &l.k, &l.v, &l.output, &l.gate, &l.up, &l.down});
  return out;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Synth, EveryTypeHoldsTheSameTernaryWeights) {
  const auto i2_s = ModelFile::open(write(small(), {.type = GgmlType::i2_s}));
  const auto tq2_0 = ModelFile::open(write(small(), {.type = GgmlType::tq2_0}));
  const auto tq1_0 = ModelFile::open(write(small(), {.type = GgmlType::tq1_0}));
  ASSERT_TRUE(i2_s && tq2_0 && tq1_0);
  const auto a = linears(*i2_s), b = linears(*tq2_0), c = linears(*tq1_0);
  ASSERT_EQ(a.size(), 14U);
  double zeros = 0, plus = 0, all = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const std::vector<int8_t> trits = trits_of(*a[i]);
    EXPECT_EQ(trits, trits_of(*b[i])) << a[i]->name();
    EXPECT_EQ(trits, trits_of(*c[i])) << a[i]->name();
    EXPECT_EQ(a[i]->scale(), b[i]->scale());
    EXPECT_EQ(a[i]->scale(), c[i]->scale());
    EXPECT_NEAR(a[i]->scale() * std::sqrt(0.6 * static_cast<double>(a[i]->k())), 1, 0.21);
    zeros += static_cast<double>(std::count(trits.begin(), trits.end(), 0));
    plus += static_cast<double>(std::count(trits.begin(), trits.end(), 1));
    all += static_cast<double>(trits.size());
  }
  // 1.2 million draws: standard deviation 0.00045.
  EXPECT_NEAR(zeros / all, 102.0 / 256, 0.003);
  EXPECT_NEAR(plus / all, 77.0 / 256, 0.003);
  EXPECT_NE(trits_of(*a[0]), trits_of(*a[7]));  // layers differ
}

TEST_F(Synth, ASeedFixesTheFileWhateverTheThreads) {
  const std::string one = bytes_of(write(small(), {.seed = 3}, 1));
  EXPECT_EQ(one, bytes_of(write(small(), {.seed = 3}, 3)));
  EXPECT_NE(one, bytes_of(write(small(), {.seed = 4}, 1)));
}

TEST_F(Synth, ShapesOfEveryKindCanBeRead) {
  for (Shape shape : shapes()) {
    shape.layers = 1;
    shape.vocabulary = 400;
    shape.feed_forward = std::min<int64_t>(shape.feed_forward, 8640);
    const auto model = ModelFile::open(write(shape, {}));
    ASSERT_TRUE(model) << shape.name << ": " << model.error().message;
    const Hparams& h = model->hparams;
    EXPECT_EQ(h.architecture, shape.architecture);
    EXPECT_EQ(h.head_size, shape.head_size) << shape.name;
    EXPECT_EQ(h.gate, shape.name == "2B4T" ? GateActivation::relu2 : GateActivation::silu);
    EXPECT_EQ(model->head.rows == model->embedding.rows, shape.tied_head) << shape.name;
    EXPECT_EQ(model->embedding.type, shape.hidden == 3200 ? GgmlType::f16 : GgmlType::q6_k);
    const std::vector<int8_t> down = trits_of(model->layers[0].down);
    EXPECT_NEAR(static_cast<double>(std::count(down.begin(), down.end(), 0)) /
                    static_cast<double>(down.size()),
                0.4, 0.01);
  }
}

TEST_F(Synth, HeadsOfEveryTypeHoldTheSameRows) {
  const auto exact = ModelFile::open(write(small(), {.head = GgmlType::f32}));
  const auto q6_k = ModelFile::open(write(small(), {.head = GgmlType::q6_k}));
  const auto q8_0 = ModelFile::open(write(small(), {.head = GgmlType::q8_0}));
  const auto f16 = ModelFile::open(write(small(), {.head = GgmlType::f16}));
  const auto bf16 = ModelFile::open(write(small(), {.head = GgmlType::bf16}));
  ASSERT_TRUE(exact && q6_k && q8_0 && f16 && bf16);
  std::vector<double> norms;
  for (int64_t row = 0; row < 700; ++row) {
    const auto bytes = [&](const ModelFile& model) {
      return reinterpret_cast<const uint8_t*>(model.embedding.rows) +
             row * model.embedding.row_bytes;
    };
    const auto half = [](const uint8_t* at) { return static_cast<uint16_t>(at[0] | at[1] << 8); };
    double square = 0, error6 = 0;
    float most = 0;
    for (int i = 0; i < 256; ++i) {
      float x;
      std::memcpy(&x, bytes(*exact) + 4 * i, 4);
      square += static_cast<double>(x) * x;
      most = std::max(most, std::fabs(x));
      EXPECT_NEAR(float_from_half(half(bytes(*f16) + 2 * i)), x, std::fabs(x) * 0x1p-11F + 1e-7F);
      EXPECT_NEAR(float_from_bfloat(half(bytes(*bf16) + 2 * i)), x, std::fabs(x) * 0x1p-8F);
      const uint8_t* eight = bytes(*q8_0) + i / 32 * 34;
      const float d8 = float_from_half(half(eight));
      // Half a step, and the step of the largest value's own rounding.
      EXPECT_NEAR(d8 * static_cast<float>(static_cast<int8_t>(eight[2 + i % 32])), x, d8 * 0.6F);
      // Q6_K as facts about the format have it: element, then its nibble, pair and group.
      const uint8_t* six = bytes(*q6_k);
      const int within = i % 128, lane = within % 32, quarter = within / 32, half_block = i / 128;
      const int low = six[64 * half_block + (quarter % 2) * 32 + lane] >> (quarter / 2 * 4) & 15;
      const int high = six[128 + 32 * half_block + lane] >> (2 * quarter) & 3;
      const float step = float_from_half(half(six + 208)) *
                         static_cast<float>(static_cast<int8_t>(six[192 + i / 16]));
      const float got = step * static_cast<float>((low | high << 4) - 32);
      EXPECT_NEAR(got, x, step * 1.3F) << row << " " << i;
      error6 += (got - x) * (got - x);
    }
    norms.push_back(std::sqrt(square));
    EXPECT_LT(std::sqrt(error6 / square), 0.04);  // six bits: about 2 %
    EXPECT_GT(error6, 0);                         // no head is exact by accident
  }
  double mean = 0, variance = 0;
  for (const double norm : norms) mean += norm / 700;
  for (const double norm : norms) variance += (norm - mean) * (norm - mean) / 700;
  EXPECT_NEAR(mean, 1, 0.05);
  EXPECT_NEAR(std::sqrt(variance) / mean, 0.3, 0.04);
}

TEST_F(Synth, TypesThatCannotHoldAShapeAreRefused) {
  Shape shape = find_shape("3B").value();
  shape.layers = 1;
  ThreadPool pool = ThreadPool::start(1).value();
  const auto written = write_model(path("no.gguf"), shape, {.type = GgmlType::tq2_0}, pool);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message,
            "blk.0.attn_q.weight: K=3200 is not a multiple of the block size 256 of TQ2_0");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Synth, AnInterruptionLeavesNothingBehind) {
  const std::atomic<bool> stop = true;
  ThreadPool pool = ThreadPool::start(1).value();
  const auto written = write_model(path("no.gguf"), small(), {.stop = &stop}, pool);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::interrupted);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST(RandomStream, GaussianHasItsMoments) {
  RandomStream random(1, "x", 0);
  double sum = 0, square = 0, fourth = 0;
  constexpr int kDraws = 1 << 18;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.gaussian();
    sum += x / kDraws;
    square += x * x / kDraws;
    fourth += x * x * x * x / kDraws;
  }
  EXPECT_NEAR(sum, 0, 0.01);
  EXPECT_NEAR(square, 1, 0.01);
  EXPECT_NEAR(fourth, 3 - 1.2 / 8, 0.1);  // Irwin-Hall of 8
}

}  // namespace
}  // namespace bitnet::synth
