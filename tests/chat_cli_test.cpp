// bitnet-run's chat with a model that thinks: what --reasoning writes, and what of a reply is still
// in the context when the next message comes.
#include "tests/cli.h"
#include "tests/tiny_model.h"

namespace bitnet {
namespace {

constexpr std::string_view kEnd = "</think>";
// Without the penalty the model says one thing all the time; with it, what counts as said matters.
constexpr const char* kGreedy = "--temp 0 --repeat-penalty 4 --repeat-last-n -1 --log-disable";

// A tiny model of random weights with Qwen's tags. </think> stands under 35 ids, so that every
// longer reply holds one.
testing::GgufBuilder thinking_model(const std::string& pretokenizer) {
  constexpr size_t kSize = 330;
  testing::GgufBuilder file = testing::build_tiny({.vocabulary = kSize});
  std::vector<std::string> tokens = synth::make_vocabulary(kSize).tokens;
  std::vector<int32_t> types(kSize, 1);
  const auto set = [&](size_t id, std::string_view text, int32_t type) {
    tokens[id] = text;
    types[id] = type;
  };
  for (size_t id = 285; id < 320; ++id) set(id, kEnd, 4);
  set(320, "<think>", 4);
  set(321, "<|im_start|>", 3);
  set(322, "<|im_end|>", 3);
  for (size_t id = 323; id < kSize; ++id) set(id, "[PAD" + std::to_string(id) + "]", 5);
  file.texts("tokenizer.ggml.tokens", tokens);
  file.array("tokenizer.ggml.token_type", GgufValueType::i32, types);
  file.text("tokenizer.ggml.pre", pretokenizer);
  file.u32("tokenizer.ggml.eos_token_id", 322);
  file.u32("bitnet.context_length", 512);
  return file;
}

class ThinkingChat : public Cli {
 protected:
  std::string model(const std::string& pretokenizer) {
    const testing::Bytes bytes = thinking_model(pretokenizer).build();
    return file(pretokenizer + ".gguf",
                std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  // What the model says after a text, however that came about.
  std::string continued(const std::string& model, const std::string& text, int tokens) {
    return run(fmt::format("{} -f {} -n {} {} --no-display-prompt", model,
                           file("text", text + "\n"), tokens, kGreedy))
        .out;
  }
  std::string chat(const std::string& model, const std::string& messages, const std::string& more) {
    const Ran ran =
        run(fmt::format("{} -cnv {} {} < {}", model, kGreedy, more, file("messages", messages)));
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.out;
  }
  static std::string turn(std::string_view role, std::string_view text) {
    return fmt::format("<|im_start|>{}\n{}<|im_end|>\n", role, text);
  }
};

const std::string kOpening = "<|im_start|>assistant\n", kNoThought = "<think>\n\n</think>\n\n";

TEST_F(ThinkingChat, ReasoningIsWrittenIntoThePrompt) {
  const std::string hi = turn("user", "hi") + kOpening;
  const struct {
    const char* pretokenizer;
    const char* options;
    std::string prompt;
  } cases[] = {{"qwen2", "", hi},
               {"qwen2", "--reasoning auto", hi},
               {"qwen2", "--reasoning on", hi},
               {"qwen2", "-rea off", hi + kNoThought},
               {"qwen2", "--reasoning-budget 0", hi + kNoThought},
               {"qwen2", "--reasoning-budget -1", hi},
               {"qwen35", "", hi + "<think>\n"},
               {"qwen35", "--reasoning off", hi + kNoThought}};
  for (const auto& [pretokenizer, options, prompt] : cases) {
    const std::string base = model(pretokenizer) + " --log-disable --tokenize ";
    EXPECT_EQ(run(base + "-cnv -p hi " + options).out,
              run(base + "-f " + file("text", prompt + "\n")).out)
        << pretokenizer << " " << options;
  }
}

TEST_F(ThinkingChat, AThoughtIsNotThereWhenTheNextMessageComes) {
  const std::string qwen = model("qwen2");
  bool answered = false;
  for (const int tokens : {20, 25, 30, 35, 40}) {
    const std::string options = fmt::format("-n {}", tokens);
    const std::string first = chat(qwen, "hi\n", options);
    ASSERT_EQ(first, continued(qwen, turn("user", "hi") + kOpening, tokens));
    const size_t end = first.rfind(kEnd);
    ASSERT_NE(end, std::string::npos) << first;
    std::string answer = first.substr(end + kEnd.size());
    answer.pop_back();  // the end of the line
    answer.erase(0, std::min(answer.find_first_not_of('\n'), answer.size()));
    answered |= !answer.empty();
    const std::string history =
        turn("user", "hi") + turn("assistant", answer) + turn("user", "ho") + kOpening;
    EXPECT_EQ(chat(qwen, "hi\nho\n", options), first + continued(qwen, history, tokens));
  }
  EXPECT_TRUE(answered);
}

TEST_F(ThinkingChat, AThoughtThatIsCutLeavesNoAnswer) {
  const std::string qwen = model("qwen35");
  const std::string first = chat(qwen, "hi\n", "-n 1");
  ASSERT_TRUE(first.starts_with("<think>\n")) << first;
  ASSERT_EQ(first.find(kEnd), std::string::npos) << first;
  const std::string history = turn("user", "hi") + turn("assistant", "") + turn("user", "ho");
  EXPECT_EQ(chat(qwen, "hi\nho\n", "-n 1"),
            first + "<think>\n" + continued(qwen, history + kOpening + "<think>\n", 1));
}

TEST_F(ThinkingChat, WithoutThoughtsTheEmptyOneIsDroppedToo) {
  const std::string qwen = model("qwen35");
  const std::string first = chat(qwen, "hi\n", "-n 1 --reasoning off");
  const std::string history = turn("user", "hi") +
                              turn("assistant", first.substr(0, first.size() - 1)) +
                              turn("user", "ho") + kOpening + kNoThought;
  EXPECT_EQ(chat(qwen, "hi\nho\n", "-n 1 --reasoning off"), first + continued(qwen, history, 1));
}

TEST_F(ThinkingChat, AMessageTooLongLeavesTheContextAsItWas) {
  const std::string qwen = model("qwen2"), options = "-n 12 -c 128";
  const std::string two = file("two", "hi\n" + std::string(200, 'x') + "\nho\n");
  const Ran ran = run(fmt::format("{} -cnv {} {} < {}", qwen, kGreedy, options, two));
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, chat(qwen, "hi\nho\n", options));
}

TEST_F(ThinkingChat, WhatCannotBeAskedForIsSaid) {
  expect_error("missing.gguf -cnv --reasoning maybe", 2, "wanted one of on, off, auto");
  expect_error("missing.gguf -cnv --reasoning-budget 100", 2, "wanted 0 (no thoughts)");
  expect_error("missing.gguf -cnv --reasoning on --reasoning-budget 0", 2, "wanted one of them");
  expect_error("missing.gguf -p a --reasoning off", 2, "wanted -cnv");
  expect_error("missing.gguf -cnv --chat-template-kwargs {}", 2, "--reasoning on|off");
  const std::string llama = small_model_files().path(kSmallModels[0]);
  EXPECT_NE(run(llama + " -cnv --tokenize -p hi --reasoning on").err.find("knows no thoughts"),
            std::string::npos);
}

}  // namespace
}  // namespace bitnet
