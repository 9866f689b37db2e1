// The library end to end: whatever the kernels, threads, batches and company in a batch, a token's
// hidden state and all its logits are the same bits as the scalar reference's.
#include "runtime/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>

#include "runtime/model/top_k.h"
#include "runtime/session_internals.h"
#include "tests/small_models.h"

namespace bitnet {
namespace {

constexpr int kPrompt = 300;  // more than a block of 256 keys
constexpr int kGenerated = 6;

std::vector<uint32_t> bits(std::span<const float> values) {
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
constexpr KvTypes kKvTypes[] = {{KvType::f16, KvType::f16},
                                {KvType::f16, KvType::f32},
                                {KvType::f32, KvType::f16},
                                {KvType::f32, KvType::f32}};

std::string describe(const Way& way) {
  return fmt::format("{} isa={} threads={} batch={}",
                     way.kernels == KernelChoice::reference ? "reference" : "builtin",
                     way.isa ? name(*way.isa) : "best", way.threads, way.batch);
}

Model load(const std::string& path, const Way& way) {
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

std::vector<int32_t> prompt_of(const Model& model, int tokens, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int32_t> id(0, static_cast<int32_t>(model.vocabulary()) - 1);
  std::vector<int32_t> prompt;
  for (int i = 0; i < tokens; ++i) prompt.push_back(id(random));
  return prompt;
}

std::vector<TokenRequest> requests_for(Sequence& sequence, std::span<const int32_t> tokens,
                                       Want want) {
  std::vector<TokenRequest> requests;
  for (const int32_t token : tokens)
    requests.push_back({.sequence = &sequence, .token = token, .want = want});
  return requests;
}

// Everything that evaluation gives: some tokens of the prompt, then greedy ones.
struct Trace {
  std::vector<int32_t> tokens;
  std::vector<uint32_t> words;  // hidden states and all logits
  bool operator==(const Trace&) const = default;
};

void add(Trace& trace, const TokenResult& result) {
  for (const uint32_t word : bits(result.hidden)) trace.words.push_back(word);
  for (const uint32_t word : bits(result.all)) trace.words.push_back(word);
}

Trace trace_of(const std::string& path, const Way& way, KvTypes kv = {}, int prompt = kPrompt) {
  constexpr Want kAll{.kind = Want::Kind::all, .k = 1};
  Model model = load(path, way);
  Sequence sequence = model.sequence(prompt + kGenerated, kv.k, kv.v).value();
  std::vector<TokenRequest> requests = requests_for(sequence, prompt_of(model, prompt), {});
  for (size_t i = 0; i < requests.size(); i += 37) requests[i].want = kAll;
  requests.back().want = kAll;
  Trace trace;
  std::vector<TokenResult> results = model.evaluate(requests).value();
  for (const TokenResult& result : results) add(trace, result);
  for (int n = 0; n < kGenerated; ++n) {
    trace.tokens.push_back(results.back().top.front().id);
    requests = requests_for(sequence, {&trace.tokens.back(), 1}, kAll);
    results = model.evaluate(requests).value();
    add(trace, results.front());
  }
  return trace;
}

// Each axis alone, then combinations: a dozen, or with BITNET_FULL=1 all.
std::vector<Way> ways() {
  std::vector<Way> alone, all;
  std::vector<Isa> levels = reported_isa().levels();
  for (const Isa isa : levels) alone.push_back({.isa = isa});
  for (const int threads : {2, 3}) alone.push_back({.isa = {}, .threads = threads});
  for (const int64_t batch : {1, 7, 64}) alone.push_back({.isa = {}, .batch = batch});
  alone.push_back({.kernels = KernelChoice::reference, .isa = {}, .threads = 3, .batch = 5});
  for (const Isa isa : levels)
    for (const int threads : {1, 2, 3})
      for (const int64_t batch : {1, 2, 3, 5, 8, 16, 33, 100, 512})
        all.push_back({.isa = isa, .threads = threads, .batch = batch});
  if (std::getenv("BITNET_FULL") == nullptr) {
    std::shuffle(all.begin(), all.end(), std::mt19937(3));
    all.resize(12);
  }
  alone.insert(alone.end(), all.begin(), all.end());
  return alone;
}

class EverySmallModel : public testing::TestWithParam<SmallModel> {
 protected:
  std::string path() const { return small_model_files().path(GetParam()); }
};

TEST_P(EverySmallModel, EveryWayGivesTheReferencesBits) {
  const Trace want = trace_of(path(), {.kernels = KernelChoice::reference, .isa = {}});
  for (const uint32_t word : want.words) ASSERT_TRUE(std::isfinite(std::bit_cast<float>(word)));
  for (const Way& way : ways()) {
    const Trace got = trace_of(path(), way);
    EXPECT_EQ(got.tokens, want.tokens) << describe(way);
    EXPECT_TRUE(got.words == want.words) << describe(way);
  }
}

// Blocks of keys are crossed above and in float_kernels_test; here a short prompt will do.
TEST_P(EverySmallModel, KeysAndValuesOfEveryTypeGiveTheReferencesBits) {
  constexpr int kShort = 50;
  std::vector<Trace> traces;
  for (const KvTypes kv : kKvTypes) {
    const std::string types = fmt::format("K {} V {}, ", kv.k == KvType::f32 ? "f32" : "f16",
                                          kv.v == KvType::f32 ? "f32" : "f16");
    const Trace want =
        trace_of(path(), {.kernels = KernelChoice::reference, .isa = {}}, kv, kShort);
    for (const Trace& other : traces) EXPECT_FALSE(want.words == other.words) << types;
    traces.push_back(want);
    for (const Isa isa : reported_isa().levels()) {
      const Way way{.isa = isa, .threads = 2, .batch = 16};
      const Trace got = trace_of(path(), way, kv, kShort);
      EXPECT_EQ(got.tokens, want.tokens) << types << describe(way);
      EXPECT_TRUE(got.words == want.words) << types << describe(way);
    }
  }
}

TEST_P(EverySmallModel, SequencesInOneBatchEqualSequencesAlone) {
  constexpr Want kAll{.kind = Want::Kind::all, .k = 4};
  Model model = load(path(), {.isa = {}, .threads = 2, .batch = 16});
  std::vector<std::vector<int32_t>> prompts;
  for (unsigned i = 0; i < 3; ++i)
    prompts.push_back(prompt_of(model, 11 + 9 * static_cast<int>(i), i));

  std::vector<std::vector<TokenResult>> alone;
  for (const auto& prompt : prompts) {
    Sequence sequence = model.sequence(64).value();
    alone.push_back(model.evaluate(requests_for(sequence, prompt, kAll)).value());
  }

  std::vector<Sequence> sequences;
  for (size_t i = 0; i < prompts.size(); ++i)
    sequences.push_back(model.sequence(64, KvType::f16).value());
  std::vector<TokenRequest> mixed;
  std::vector<std::pair<size_t, size_t>> origin;  // of each request: sequence, index
  for (size_t i = 0; i < 29; ++i)
    for (size_t s = 0; s < prompts.size(); ++s)
      if (i < prompts[s].size()) {
        mixed.push_back({.sequence = &sequences[s], .token = prompts[s][i], .want = kAll});
        origin.emplace_back(s, i);
      }
  const std::vector<TokenResult> together = model.evaluate(mixed).value();
  ASSERT_EQ(together.size(), mixed.size());
  for (size_t r = 0; r < together.size(); ++r) {
    const TokenResult& want = alone[origin[r].first][origin[r].second];
    EXPECT_EQ(together[r].request, r);
    EXPECT_EQ(bits(together[r].all), bits(want.all));
    EXPECT_EQ(bits(together[r].hidden), bits(want.hidden));
  }
}

TEST_P(EverySmallModel, TruncatedSequencesForget) {
  constexpr Want kAll{.kind = Want::Kind::all, .k = 0};
  Model model = load(path(), {.isa = {}});
  const std::vector<int32_t> prompt = prompt_of(model, 40), other = prompt_of(model, 40, 9);
  Sequence sequence = model.sequence(64).value();
  const auto want = model.evaluate(requests_for(sequence, prompt, kAll)).value();
  sequence.truncate(20);
  EXPECT_EQ(sequence.length(), 20);
  (void)model.evaluate(requests_for(sequence, std::span(other).subspan(20), kAll)).value();
  EXPECT_EQ(sequence.length(), 40);
  sequence.truncate(20);
  const auto again =
      model.evaluate(requests_for(sequence, std::span(prompt).subspan(20), kAll)).value();
  EXPECT_EQ(bits(again.back().all), bits(want.back().all));
  EXPECT_TRUE(std::ranges::equal(sequence.tokens(), prompt));
  sequence.truncate(100);  // longer than it is: nothing
  EXPECT_EQ(sequence.length(), 40);
}

TEST_P(EverySmallModel, TopIsTheBeginningOfAllInOrder) {
  Model model = load(path(), {.isa = {}, .threads = 3});
  Sequence sequence = model.sequence(64).value();
  const auto all =
      model
          .evaluate(requests_for(sequence, prompt_of(model, 20), {.kind = Want::Kind::all, .k = 0}))
          .value();
  for (const int k : {1, 8, 40, 100000}) {
    sequence.truncate(0);
    const auto top = model
                         .evaluate(requests_for(sequence, prompt_of(model, 20),
                                                {.kind = Want::Kind::top, .k = k}))
                         .value();
    for (size_t i = 0; i < all.size(); ++i) {
      std::vector<Logit> order;
      for (size_t id = 0; id < all[i].all.size(); ++id)
        order.push_back({static_cast<int32_t>(id), all[i].all[id]});
      std::ranges::sort(order, better);
      ASSERT_EQ(top[i].top.size(), std::min(order.size(), static_cast<size_t>(k)));
      EXPECT_TRUE(top[i].all.empty());
      for (size_t j = 0; j < top[i].top.size(); ++j) {
        ASSERT_EQ(top[i].top[j].id, order[j].id);
        ASSERT_EQ(top[i].top[j].value, order[j].value);
      }
    }
  }
}

TEST_P(EverySmallModel, FloatKeysAndValuesComeCloseToHalf) {
  constexpr Want kAll{.kind = Want::Kind::all, .k = 0};
  Model model = load(path(), {.isa = {}});
  const auto logits = [&](KvTypes kv) {
    Sequence sequence = model.sequence(64, kv.k, kv.v).value();
    return model.evaluate(requests_for(sequence, prompt_of(model, 30), kAll)).value().back().all;
  };
  const std::vector<float> full = logits({KvType::f32, KvType::f32});
  for (const KvTypes kv : std::span(kKvTypes).first(3)) {
    const std::vector<float> less = logits(kv);
    float most = 0, apart = 0;
    for (size_t i = 0; i < full.size(); ++i) {
      most = std::max(most, std::fabs(full[i]));
      apart = std::max(apart, std::fabs(less[i] - full[i]));
    }
    EXPECT_GT(apart, 0);  // they are different caches
    // 11 bits against 24; int8 activations amplify a flip of the last bit.
    EXPECT_LT(apart, 0.05F * most);
  }
}

TEST_P(EverySmallModel, FloatActivationsComeCloseToInt8) {
  constexpr Want kAll{.kind = Want::Kind::all, .k = 0};
  std::vector<std::vector<float>> logits;
  for (const Activations kind : {Activations::int8, Activations::float32}) {
    ModelOptions options;
    options.activations = kind;
    options.threads = 2;
    Model model = Model::load(path(), options).value();
    Sequence sequence = model.sequence(64, KvType::f32, KvType::f32).value();
    logits.push_back(
        model.evaluate(requests_for(sequence, prompt_of(model, 12), kAll)).value().back().all);
  }
  double dot = 0, a2 = 0, b2 = 0;
  for (size_t i = 0; i < logits[0].size(); ++i) {
    dot += double{logits[0][i]} * logits[1][i];
    a2 += double{logits[0][i]} * logits[0][i];
    b2 += double{logits[1][i]} * logits[1][i];
  }
  EXPECT_GT(dot / std::sqrt(a2 * b2), 0.99);  // cosine of the angle: 8 bits a value, three layers
  EXPECT_NE(logits[0], logits[1]);
}

INSTANTIATE_TEST_SUITE_P(Session, EverySmallModel, testing::ValuesIn(kSmallModels),
                         [](const auto& info) { return std::string(info.param.name); });

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

TEST(TopK, KeepsTheOrderAlsoWithNaN) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{kNaN, 1, 3, kNaN, 3, -std::numeric_limits<float>::infinity(), 2};
  TopK best;
  best.start(5);
  best.offer(values.data(), 4, 0);
  best.offer(values.data() + 4, 3, 4);
  std::vector<int32_t> ids;
  for (const Logit& logit : best.sorted()) ids.push_back(logit.id);
  EXPECT_EQ(ids, (std::vector<int32_t>{2, 4, 6, 1, 0}));
  best.start(0);
  best.offer(values.data(), 7, 0);
  EXPECT_TRUE(best.sorted().empty());
}

// longrope: what a sequence has room for decides between its two lists of factors, also where both
// stand in one batch. (The small model's original context is 100.)
TEST(Session, LongropeFollowsTheRoomOfEachSequence) {
  constexpr Want kAll{.kind = Want::Kind::all, .k = 1};
  const SmallModel& small = *std::ranges::find(kSmallModels, std::string_view("minicpm"),
                                               [](const SmallModel& m) { return m.name; });
  Model model = load(small_model_files().path(small), {});
  const std::vector<int32_t> prompt = prompt_of(model, 20);
  const auto alone = [&](int64_t room) {
    Sequence sequence = model.sequence(room).value();
    return bits(model.evaluate(requests_for(sequence, prompt, kAll)).value().back().all);
  };
  EXPECT_EQ(alone(20), alone(100));
  EXPECT_EQ(alone(101), alone(1000));
  EXPECT_NE(alone(100), alone(101));

  Sequence near = model.sequence(100).value(), far = model.sequence(101).value();
  std::vector<TokenRequest> both = requests_for(near, prompt, kAll);
  const std::vector<TokenRequest> of_far = requests_for(far, prompt, kAll);
  both.insert(both.end(), of_far.begin(), of_far.end());
  const std::vector<TokenResult> results = model.evaluate(both).value();
  EXPECT_EQ(bits(results[prompt.size() - 1].all), alone(100));
  EXPECT_EQ(bits(results.back().all), alone(101));
}

}  // namespace
}  // namespace bitnet
