// The library end to end: whatever the kernels, threads, batches and company in a batch, a token's
// hidden state and all its logits are the same bits as the scalar reference's.
#include "runtime/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/evaluations.h"

namespace bitnet {
namespace {

constexpr int kPrompt = 300;  // more than a block of 256 keys
constexpr int kGenerated = 6;

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

TEST_P(EverySmallModel, EveryWayGivesTheReferencesBits) {
  const Trace want = trace_of(path(), {.kernels = KernelChoice::reference, .isa = {}});
  for (const uint32_t word : want.words) ASSERT_TRUE(std::isfinite(std::bit_cast<float>(word)));
  for (const Way& way : ways()) {
    const Trace got = trace_of(path(), way);
    EXPECT_EQ(got.tokens, want.tokens) << describe(way);
    EXPECT_TRUE(got.words == want.words) << describe(way);
  }
}

// Blocks of keys are crossed above and in float_attention_test; here a short prompt will do.
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

INSTANTIATE_TEST_SUITE_P(Session, EverySmallModel, testing::ValuesIn(kSmallModels),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace bitnet
