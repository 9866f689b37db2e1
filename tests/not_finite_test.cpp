// Numbers that are not finite are errors that name their place, not text; and an evaluation that
// failed leaves its sequence as it was.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "runtime/session.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int32_t kSpoilt = 97;
constexpr Want kTop{.kind = Want::Kind::top, .k = 8}, kAll{.kind = Want::Kind::all, .k = 0};

class NotFinite : public ::testing::TestWithParam<int> {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  // A tiny model whose tensor `name` holds `value` from `element` on, `count` times.
  Model load(const std::string& name, size_t element, size_t count, float value) {
    TinyModel tiny{.head = GgmlType::f32};
    GgufBuilder file = build_tiny(tiny);
    for (auto& tensor : file.tensors)
      if (tensor.name == name)
        for (size_t i = 0; i < count; ++i)
          std::memcpy(tensor.data.data() + 4 * (element + i), &value, sizeof value);
    const Bytes bytes = file.build();
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    ModelOptions options;
    options.threads = GetParam();
    return Model::load(path_, options).value();
  }
  Model with_spoilt_row(float value) {
    return load("token_embd.weight", 8 * kSpoilt + 3, 1, value);
  }

  static Result<std::vector<TokenResult>> evaluate(Model& model, Sequence& sequence,
                                                   std::vector<int32_t> tokens, Want want) {
    std::vector<TokenRequest> requests;
    for (const int32_t token : tokens)
      requests.push_back({.sequence = &sequence, .token = token, .want = {}});
    requests.back().want = want;
    return model.evaluate(requests);
  }

  const std::string path_ =
      std::filesystem::temp_directory_path() / fmt::format("bitnet-not-finite-{}.gguf", getpid());
};

TEST_P(NotFinite, RowsOfTheEmbeddingAreCheckedWhenTheyAreLookedUp) {
  for (const float value : {kNaN, kInfinity, -kInfinity}) {
    Model model = with_spoilt_row(value);
    Sequence sequence = model.sequence(64).value();
    ASSERT_TRUE(evaluate(model, sequence, {1, 2, 3}, {}));
    const auto failed = evaluate(model, sequence, {4, 5, kSpoilt, 6, kSpoilt}, {});
    ASSERT_FALSE(failed);
    EXPECT_TRUE(failed.error().message.ends_with(
        ".gguf: token_embd.weight: row 97 holds a number that is not finite"))
        << failed.error().message;
    EXPECT_EQ(sequence.length(), 3);
  }
}

// A tied head has the spoilt row, too: NaN never wins, an infinity always does.
TEST_P(NotFinite, TheBestLogit) {
  for (const Want want : {kTop, kAll}) {
    Model harmless = with_spoilt_row(kNaN);
    Sequence sequence = harmless.sequence(64).value();
    EXPECT_TRUE(evaluate(harmless, sequence, {1, 2, 3}, want));

    bool refused = false;
    for (const float value : {kInfinity, -kInfinity}) {  // times a hidden state of either sign
      Model model = with_spoilt_row(value);
      Sequence other = model.sequence(64).value();
      const auto result = evaluate(model, other, {1, 2, 3}, want);
      if (result) continue;
      refused = true;
      EXPECT_EQ(result.error().message, "the best logit of position 2 is not finite");
      EXPECT_EQ(other.length(), 0);
    }
    EXPECT_TRUE(refused);
  }
}

// Products of large and finite numbers overflow on the way.
TEST_P(NotFinite, TheHiddenState) {
  Model model = load("output_norm.weight", 0, 8, 3e38F);
  Sequence sequence = model.sequence(64).value();
  const auto result = evaluate(model, sequence, {1, 2, 3}, kTop);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the hidden state of position 2 is not finite");
  EXPECT_EQ(sequence.length(), 0);
}

INSTANTIATE_TEST_SUITE_P(Threads, NotFinite, ::testing::Values(1, 2, 3));

TEST(Requests, WithoutASequenceAreAnError) {
  const Bytes bytes = build_tiny().build();
  const std::string path =
      std::filesystem::temp_directory_path() / fmt::format("bitnet-request-{}.gguf", getpid());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  Model model = Model::load(path, {}).value();
  std::filesystem::remove(path);
  const std::vector<TokenRequest> requests(1);
  const auto result = model.evaluate(requests);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "a request has no sequence");
}

}  // namespace
}  // namespace bitnet::testing
