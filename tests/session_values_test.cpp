// What evaluation gives is in order, and comes close to what more exact types would give.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "runtime/model/top_k.h"
#include "tests/evaluations.h"

namespace bitnet {
namespace {

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
  Model model = load(small_model_files().path(small), {.isa = {}});
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
