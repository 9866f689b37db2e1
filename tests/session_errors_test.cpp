// What the library refuses, what stays as it was then, and what it says of kernels and caches.
#include <gtest/gtest.h>

#include "runtime/session_internals.h"
#include "tests/evaluations.h"

namespace bitnet {
namespace {

class Errors : public testing::Test {
 protected:
  Model model_ = load(small_model_files().path(kSmallModels[0]), {.isa = {}});
};

TEST_F(Errors, AFullContextLeavesEverySequenceAsItWas) {
  Sequence a = model_.sequence(10).value(), b = model_.sequence(3).value();
  const std::vector<int32_t> tokens{1, 2, 3, 4};
  ASSERT_TRUE(model_.evaluate(requests_for(a, tokens, {})));
  std::vector<TokenRequest> requests = requests_for(a, tokens, {.kind = Want::Kind::top, .k = 1});
  for (const TokenRequest& request : requests_for(b, tokens, {})) requests.push_back(request);
  const auto failed = model_.evaluate(requests);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "the context of 3 tokens is full");
  EXPECT_EQ(a.length(), 4);
  EXPECT_EQ(b.length(), 0);
  EXPECT_TRUE(
      model_.evaluate(std::span(requests).first(7)));  // the same without the fourth token of b
  EXPECT_EQ(b.length(), 3);
}

TEST_F(Errors, IdsOutsideTheVocabulary) {
  Sequence sequence = model_.sequence(10).value();
  for (const int32_t id : {-1, 333, 1 << 30}) {
    const std::vector<int32_t> tokens{1, id};
    const auto failed = model_.evaluate(requests_for(sequence, tokens, {}));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, fmt::format("token {} is outside the vocabulary of 333", id));
    EXPECT_EQ(sequence.length(), 0);
  }
}

TEST_F(Errors, SequencesOfAnotherModel) {
  const Model other = load(small_model_files().path(kSmallModels[0]), {.isa = {}});
  Sequence sequence = other.sequence(10).value();
  const std::vector<int32_t> tokens{1};
  EXPECT_FALSE(model_.evaluate(requests_for(sequence, tokens, {})));
}

TEST_F(Errors, ImpossibleOptions) {
  EXPECT_FALSE(model_.sequence(0));
  EXPECT_FALSE(model_.sequence(int64_t{1} << 60));
  EXPECT_FALSE(model_.sequence(int64_t{1} << 40));  // more memory than there is
  ModelOptions options;
  options.batch = 0;
  EXPECT_FALSE(Model::load(small_model_files().path(kSmallModels[0]), options));
  options = {};
  options.isa = reported_isa().has(Isa::avx2) ? Isa::neon : Isa::avx2;
  const auto foreign = Model::load(small_model_files().path(kSmallModels[0]), options);
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("this CPU has none of it"), std::string::npos);
  EXPECT_FALSE(Model::load("/nonexistent.gguf", {}));
}

TEST_F(Errors, NothingAskedNothingGiven) {
  Sequence sequence = model_.sequence(10).value();
  EXPECT_TRUE(model_.evaluate({}).value().empty());
  const std::vector<int32_t> tokens{1, 2, 3};
  EXPECT_TRUE(model_.evaluate(requests_for(sequence, tokens, {})).value().empty());
  EXPECT_EQ(sequence.length(), 3);
}

// Reference kernels whose sums are said to be exact for short rows only.
class ShortRows : public KernelSource {
 public:
  Result<ProblemKernels> find(const Problem& problem) const override {
    ProblemKernels kernels = make_reference_source()->find(problem).value();
    kernels.classes.front().sizes.exact_k = 256;
    return kernels;
  }
  std::string describe() const override { return "short rows"; }
};

TEST(KernelsInUse, SayWhyASourceDoesNotServeAll) {
  const ShortRows source;
  ModelOptions options;
  options.kernels = KernelChoice::builtin;
  const Model model =
      ModelInternals::load(small_model_files().path(kSmallModels[0]), options, source).value();
  const std::string line = model.kernels_in_use();
  EXPECT_TRUE(line.starts_with("short rows for 3 of 4 problems, built-in kernels (")) << line;
  EXPECT_TRUE(
      line.ends_with(" for 1 of 4 problems; reference_bytes_scalar__r1: down 256x384: "
                     "K=384 is above 256, up to which its sums are exact"))
      << line;
}

TEST(CacheWarning, OnlyOfACacheThatWasNamed) {
  const std::string path = small_model_files().path(kSmallModels[0]);
  EXPECT_EQ(load(path, {}).cache_warning(), "");
  ModelOptions options;
  options.cache_path = "/nonexistent.kc";
  const std::string warning = Model::load(path, options)->cache_warning();
  EXPECT_TRUE(warning.starts_with("cache not used: /nonexistent.kc: ")) << warning;
  options.kernels = KernelChoice::builtin;
  EXPECT_EQ(Model::load(path, options)->cache_warning(),
            "cache not used: /nonexistent.kc: other kernels were asked for");
}

TEST(Loading, EndsWhenAsked) {
  ModelOptions options;
  options.stop = [] { return true; };
  const auto model = Model::load(small_model_files().path(kSmallModels[0]), options);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().kind, Error::Kind::interrupted);
}

}  // namespace
}  // namespace bitnet
