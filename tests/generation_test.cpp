// Generation as a client of the library sees it: the same tokens whether pulled, pushed, or in
// parts; every end of a reply; what is fed, given out and evaluated.
#include "runtime/generation.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/text/tokenizer.h"

namespace bitnet {
namespace {

using End = Generation::End;
using Tokens = std::vector<int32_t>;

// The recorder of what an observer is told: "P4" a prompt of four tokens, "S" a choice, "T" a
// token, "r5" the result of the fifth one.
class Log : public GenerationObserver {
 public:
  void end(Step step, int64_t tokens) override {
    text += step == Step::prompt ? fmt::format("P{} ", tokens) : step == Step::token ? "T " : "S ";
  }
  void evaluated(std::span<const int32_t> tokens, const TokenResult& result) override {
    EXPECT_EQ(!result.all.empty(), wants_all);
    text += fmt::format("r{} ", tokens.size());
  }
  Want want(Want sampler) const override {
    return wants_all ? Want{.kind = Want::Kind::all, .k = sampler.k} : sampler;
  }
  bool wants_all = false;
  std::string text;
};

class GenerationTest : public testing::Test {
 protected:
  static GenerationOptions greedy() { return {.sampler = {.temperature = 0}}; }
  Generation start(GenerationOptions options = greedy(), int64_t context = 200) {
    return Generation::start(model_, model_.sequence(context).value(), std::move(options)).value();
  }
  Generation fed(GenerationOptions options = greedy(), int64_t context = 200) {
    Generation generation = start(std::move(options), context);
    EXPECT_TRUE(generation.feed(prompt_));
    return generation;
  }
  // Pulls tokens until there is an end, at most `limit`.
  static Tokens pull(Generation& generation, size_t limit) {
    Tokens tokens;
    while (tokens.size() < limit) {
      const std::optional<int32_t> token = generation.next().value();
      if (!token) break;
      tokens.push_back(*token);
    }
    return tokens;
  }
  static std::string reply(Generation& generation, int64_t limit, End wanted) {
    std::string text;
    const Result<End> end = generation.reply({.limit = limit}, [&](std::string_view piece) {
      text += piece;
      return Result<void>{};
    });
    EXPECT_TRUE(end) << (end ? "" : end.error().message);
    EXPECT_EQ(end.value_or(End::stop), wanted);
    return text;
  }

  Model model_ = Model::load(BITNET_SOURCE_DIR "/models/test.gguf", {.threads = 1}).value();
  Tokens prompt_ = model_.encode("And God said");
};

TEST_F(GenerationTest, PushedTextIsPulledTokens) {
  Generation pulled = fed(), pushed = fed();
  EXPECT_EQ(reply(pushed, 12, End::limit), model_.tokenizer().decode(pull(pulled, 12)));
}

TEST_F(GenerationTest, GoesOnAfterItsLimit) {
  Generation whole = fed(), parts = fed();
  const std::string begin = reply(parts, 5, End::limit);
  EXPECT_EQ(parts.unevaluated().size(), 1U);
  EXPECT_EQ(begin + reply(parts, 0, End::limit) + reply(parts, 7, End::limit),
            reply(whole, 12, End::limit));
}

TEST_F(GenerationTest, TheLastTokenIsEvaluatedBeforeWhatIsFedNext) {
  Generation generation = fed();
  const Tokens tokens = pull(generation, 3);
  EXPECT_EQ(generation.sequence().length(), std::ssize(prompt_) + 2);
  EXPECT_EQ(generation.room(), 200 - std::ssize(prompt_) - 3);
  ASSERT_TRUE(generation.feed(Tokens{7}));
  Tokens all = prompt_;
  all.insert(all.end(), tokens.begin(), tokens.end());
  all.push_back(7);
  const std::span<const int32_t> evaluated = generation.sequence().tokens();
  EXPECT_EQ(Tokens(evaluated.begin(), evaluated.end()), all);
}

// The penalty sees tokens of the sequence only, so that one of the reply left would change the
// rest.
TEST_F(GenerationTest, WhatIsRewoundHasNeverBeen) {
  const GenerationOptions options = {
      .sampler = {.temperature = 0, .repeat_penalty = 1.5F, .repeat_last_n = -1}};
  const Tokens rest = {prompt_.back(), 7, 9};
  Generation rewound = fed(options), plain = start(options);
  const int64_t kept = std::ssize(prompt_) - 1;
  pull(rewound, 20);
  rewound.rewind(kept);
  EXPECT_EQ(rewound.sequence().length(), kept);
  EXPECT_EQ(rewound.room(), 200 - kept);
  EXPECT_FALSE(rewound.next());  // nothing was fed
  ASSERT_TRUE(rewound.feed(rest));
  ASSERT_TRUE(plain.feed(std::span(prompt_).first(static_cast<size_t>(kept))));
  ASSERT_TRUE(plain.feed(rest));
  EXPECT_EQ(pull(rewound, 20), pull(plain, 20));
}

TEST_F(GenerationTest, EndsWhereTheContextIsFull) {
  const int64_t context = std::ssize(prompt_) + 3;
  Generation generation = fed(greedy(), context), limited = fed(greedy(), context);
  const std::string text = reply(generation, -1, End::context);
  EXPECT_EQ(generation.sequence().length(), context);
  EXPECT_EQ(reply(limited, 4, End::context), text);  // the fourth has no room, limit or not
  EXPECT_EQ(reply(generation, -1, End::context), "");
  const Result<void> more = generation.feed(Tokens{1});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message,
            fmt::format("1 tokens do not fit, 0 of the context of {} are left", context));
}

TEST_F(GenerationTest, EndsAtAStopTokenWhichIsNoPartOfIt) {
  GenerationOptions options{.sampler = {.temperature = 100, .top_k = 0, .top_p = 1, .min_p = 0}};
  for (options.sampler.seed = 0; options.sampler.seed < 50; ++options.sampler.seed) {
    Generation generation = fed(options, 1000);
    const Tokens tokens = pull(generation, 900);
    if (tokens.size() == 900) continue;  // it did not come
    EXPECT_EQ(generation.end(), End::stop);
    EXPECT_EQ(generation.sequence().length(), std::ssize(prompt_) + std::ssize(tokens));
    EXPECT_TRUE(generation.unevaluated().empty());
    EXPECT_EQ(generation.next().value(), std::nullopt);
    EXPECT_EQ(generation.end(), End::stop);
    EXPECT_TRUE(generation.feed(prompt_));
    EXPECT_TRUE(generation.next().value());
    return;
  }
  FAIL() << "no stop token in any text";
}

TEST_F(GenerationTest, GoesOnAfterItWasCancelled) {
  int asked = 0;
  GenerationOptions options = greedy();
  options.cancelled = [&asked] { return ++asked == 5; };  // 1: the prompt, 2-4: tokens
  Generation generation = fed(std::move(options)), whole = fed();
  const std::string begin = reply(generation, 12, End::cancelled);
  EXPECT_EQ(begin + reply(generation, 9, End::limit), reply(whole, 12, End::limit));
}

TEST_F(GenerationTest, ACancelledPromptIsAnError) {
  GenerationOptions options = greedy();
  options.batch = 2;
  int asked = 0;
  options.cancelled = [&asked] { return ++asked == 2; };
  Generation generation = start(std::move(options));
  const Result<void> done = generation.feed(prompt_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Error::Kind::interrupted);
  EXPECT_EQ(generation.sequence().length(), 2);
  EXPECT_FALSE(generation.next());
}

TEST_F(GenerationTest, AnErrorOfTheReceiverEndsTheReply) {
  Generation generation = fed();
  const Result<End> end = generation.reply(
      {}, [](std::string_view) -> Result<void> { return fail(Error::Kind::io, "full"); });
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message, "full");
}

TEST_F(GenerationTest, TheObserverIsToldEveryStep) {
  for (const bool all : {false, true}) {
    Log log;
    log.wants_all = all;
    GenerationOptions options = greedy();
    options.observer = &log;
    options.batch = 3;
    Generation generation = fed(std::move(options));
    reply(generation, 3, End::limit);
    const size_t n = prompt_.size();
    EXPECT_EQ(log.text, fmt::format("r{} P{} S r{} T S r{} T S ", n, n, n + 1, n + 2));
  }
}

TEST_F(GenerationTest, WhatMakesNoSenseIsAnError) {
  const auto started = [&](const GenerationOptions& options) {
    return Generation::start(model_, model_.sequence(8).value(), options).has_value();
  };
  EXPECT_FALSE(started({.sampler = {.repeat_penalty = 0}}));
  EXPECT_FALSE(started({.batch = 0}));
  Generation generation = start();
  EXPECT_FALSE(generation.feed({}));
  EXPECT_FALSE(generation.next());
  EXPECT_FALSE(generation.feed(Tokens{-1}));
}

}  // namespace
}  // namespace bitnet
