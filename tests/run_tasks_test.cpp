// What bitnet-run does with its inputs: chats whose messages do not fit, prompts from files and
// pipes, perplexity that cannot be a number.
#include <sys/stat.h>

#include <algorithm>

#include "runtime/gguf/reader.h"
#include "runtime/text/tokenizer.h"
#include "tests/cli.h"

namespace bitnet {
namespace {

constexpr SmallModel kHalves = {"halves", "bitnet",       160,          288, 5, 5, 32,
                                323,      GgmlType::i2_s, GgmlType::f16};

class Tasks : public Cli {
 protected:
  // Of a model that chats in the format "bitnet"; contexts of 1024 tokens.
  Ran chat(const std::string& input, const std::string& arguments) {
    const std::string stdin_file = file("messages", input);
    return run(fmt::format("{} -cnv -n 3 --temp 0 --log-disable {} < '{}'", chat_model_, arguments,
                           stdin_file));
  }
  static int64_t replies(const Ran& ran) { return std::ranges::count(ran.out, '\n'); }

  const std::string chat_model_ = small_model_files().path(kSmallModels[0]);
  const std::string long_message_ = std::string(3000, 'x');
};

TEST_F(Tasks, AMessageTooLongIsAnErrorAndTheChatGoesOn) {
  const Ran ran = chat(long_message_ + "\nhi\n", "");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(replies(ran), 1) << ran.out;
  EXPECT_EQ(ran.err.find("error: the message has "), 0U) << ran.err;
  EXPECT_NE(ran.err.find("1024 of the context of 1024 are left: -c "), std::string::npos)
      << ran.err;
  EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
  EXPECT_EQ(ran.out, chat("hi\n", "").out);  // nothing of the long one is left
}

TEST_F(Tasks, TheContextThatIsAdvisedIsEnough) {
  const Ran ran = chat(long_message_ + "\n", "");
  const size_t at = ran.err.find("-c ");
  ASSERT_NE(at, std::string::npos) << ran.err;
  const Ran again = chat(long_message_ + "\n", ran.err.substr(at, ran.err.find(' ', at + 3) - at));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(replies(again), 1);
}

TEST_F(Tasks, AChatTellsWhichMessageWasNotAnswered) {
  EXPECT_EQ(chat("hi\n", "").code, 0);
  EXPECT_EQ(chat("", "").code, 0);
  const Ran last = chat("hi\n" + long_message_ + "\n", "");
  EXPECT_EQ(last.code, 1);
  EXPECT_EQ(replies(last), 1);
  const Ran both = chat(long_message_ + "\n" + long_message_ + "\n", "");
  EXPECT_EQ(std::ranges::count(both.err, '\n'), 2) << both.err;
  EXPECT_EQ(both.out, "");
}

TEST_F(Tasks, AContextThatFillsInAReplySaysSo) {
  const Ran ran = chat("hi\n", "-c 24 -n -1");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err,
            "warning: the reply is cut, the context of 24 tokens is full: -c 48 makes room\n");
  EXPECT_EQ(chat("hi\nho\n", "-c 24 -n -1").code, 1);
}

TEST_F(Tasks, MessagesEndWithTheInput) {
  const std::string want = chat("one\n", "").out;
  EXPECT_FALSE(want.empty());
  for (const char* input : {"one", "one\\", "one\\\n", "one\r\n", "one\\\r\n"})
    EXPECT_EQ(chat(input, "").out, want) << input;
  const std::string two_lines = chat("", "-p 'one\\ntwo'").out;
  EXPECT_EQ(chat("one\\\ntwo\n", "").out, two_lines);
  EXPECT_EQ(chat("one\\\r\ntwo", "").out, two_lines);
}

TEST_F(Tasks, AChatWhoseInputCannotBeReadIsAnError) {
  const std::string base = chat_model_ + " -cnv -n 1 --log-disable ";
  expect_error(base + "< " + folder_.string(), 1, "stdin: Is a directory");
  expect_error(base + "<&-", 1, "stdin: ");
}

TEST_F(Tasks, ASingleTurnIsOneReply) {
  const std::string base = chat_model_ + " -n 3 --temp 0 --log-disable ";
  const std::string two = file("two", "hi\nho\n");
  const Ran ran = run(base + "-st < " + two);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(replies(ran), 1);
  EXPECT_EQ(run(base + "-st -p hi < " + two).out, ran.out);
  EXPECT_EQ(run(base + "-cnv --single-turn -p hi < " + two).out, ran.out);
  const std::string both = run(base + "-cnv < " + two).out;
  EXPECT_TRUE(both.starts_with(ran.out) && both.size() > ran.out.size()) << both;
}

TEST_F(Tasks, ChatTemplatesByForce) {
  EXPECT_EQ(chat("hi\n", "--chat-template bitnet").out, chat("hi\n", "").out);
  expect_error(chat_model_ + " -cnv -p hi --chat-template chatml", 1,
               "b158.gguf: the chat template chatml needs the token <|im_start|>");
  expect_error(demo_ + " -cnv -p hi", 1, "--chat-template NAME takes one by force");
}

TEST_F(Tasks, TokenizeShowsTheWholeOfAChat) {
  const std::string base = chat_model_ + " --tokenize -p ";
  const std::string chat = run(base + "hi -cnv").out;
  EXPECT_EQ(chat, run(base + "'User: hi<|eot_id|>Assistant: '").out);
  EXPECT_EQ(run(base + "hi -cnv -sys brief").out,
            run(base + "'System: brief<|eot_id|>User: hi<|eot_id|>Assistant: '").out);
  expect_error(demo_ + " --tokenize -cnv -p hi", 1, "no chat template");
}

TEST_F(Tasks, TwoBeginTokensWarn) {
  const Gguf model = Gguf::open(demo_).value();
  const Tokenizer tokenizer = Tokenizer::open(model).value();
  const std::string begin = tokenizer.piece(tokenizer.bos().value(), true);
  const std::string twice = fmt::format(" -p '{}And'", begin);
  for (const char* task : {" --tokenize", " -n 1"}) {
    EXPECT_NE(run(demo_ + twice + task).err.find("warning: the prompt begins with " + begin),
              std::string::npos)
        << task;
    EXPECT_EQ(run(demo_ + " -p And" + task).err.find("warning"), std::string::npos) << task;
    EXPECT_EQ(run(demo_ + twice + task + " --log-disable").err, "") << task;
  }
}

// Files are read before the model is looked at, which is missing here.
TEST_F(Tasks, FilesThatCannotBeReadAreFoundBeforeTheModelIsLoaded) {
  const std::string missing = "missing.gguf ", folder = folder_.string();
  expect_error(missing + "-f /nonexistent.txt", 1, "/nonexistent.txt: No such file");
  expect_error(missing + "-f " + folder, 1, folder + ": Is a directory");
  expect_error(missing + "--perplexity /nonexistent.txt", 1, "/nonexistent.txt: No such file");
  expect_error(missing + "--perplexity -f " + folder, 1, folder + ": Is a directory");
  expect_error(missing + "-cnv -sysf /nonexistent.txt", 1, "/nonexistent.txt: No such file");
  expect_error(missing + "-cnv -sysf - -f -", 2, "stdin can be one file");
}

TEST_F(Tasks, FilesAndPipesGiveTheSameBytes) {
  const std::string base = demo_ + " --tokenize --log-disable ";
  const std::string want = run(base + "-p 'And God said'").out;
  for (const char* text : {"And God said", "And God said\n", "And God said\r\n"}) {
    const std::string name = file("prompt", text);
    EXPECT_EQ(run(base + "-f " + name).out, want) << text;
    EXPECT_EQ(run(base + "-f - < " + name).out, want) << text;
  }
  EXPECT_NE(run(base + "-f " + file("prompt", "And God said\n\n")).out, want);
  EXPECT_NE(run(base + "-f " + file("prompt", "And God said\r")).out, "");
  // A byte is a token of its own in this vocabulary: a, NUL, b, 0xff, c.
  const std::string odd = file("odd", std::string("a\0b\xff"
                                                  "c",
                                                  5));
  EXPECT_TRUE(run(base + "-f " + odd).out.ends_with(" 97 0 98 255 99\n"));
  EXPECT_EQ(run(demo_ + " -n 0 --log-disable -f " + odd).out, std::string("a\0b\xff"
                                                                          "c\n",
                                                                          6));
}

TEST_F(Tasks, CtrlCEndsWaitingForAPipe) {
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const Ran ran = run(demo_ + " -f " + pipe, "timeout --foreground --preserve-status -s INT 1");
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_NE(ran.err.find("error: interrupted while reading"), std::string::npos) << ran.err;
}

TEST_F(Tasks, ContextsThatJustFit) {
  const std::string base = demo_ + " --temp 0 --log-disable ";
  const Ran full = run(base + "-p '' -c 1");
  EXPECT_EQ(full.code, 0) << full.err;
  EXPECT_GT(full.out.size(), 1U);
  const std::string ids = run(demo_ + " -p 'And God said' --tokenize").out;
  const auto tokens = std::ranges::count(ids, ' ') + 1;
  const std::string prompt = base + "-p 'And God said' -n 1 -c ";
  EXPECT_EQ(run(prompt + fmt::format("{}", tokens)).out, run(prompt + "100").out);
  expect_error(demo_ + fmt::format(" -p 'And God said' -c {}", tokens - 1), 1, "makes room");
  EXPECT_EQ(run(base + "-p And -n 0").out, "And\n");
}

TEST_F(Tasks, PerplexityOfStdin) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "And God said, Let there be light: and there was light. ";
  const std::string name = file("text", text);
  const std::string want = run(demo_ + " -c 64 --perplexity " + name).out;
  EXPECT_TRUE(want.starts_with("[1]")) << want;
  EXPECT_EQ(run(demo_ + " -c 64 --perplexity - < " + name).out, want);
  EXPECT_EQ(run(demo_ + " -c 64 --perplexity -f - < " + name).out, want);
}

TEST_F(Tasks, PerplexityThatScoresNothingIsAnError) {
  const std::string text = file("text", std::string(6000, 'a'));
  const std::string base = demo_ + " --perplexity " + text;
  for (const char* windows : {" -c 1", " -c 2", " -c 1 --ppl-mode full"})
    expect_error(base + windows, 1, "no token of such a window is scored");
  EXPECT_EQ(run(base + " -c 3 --chunks 1").code, 0);
  EXPECT_EQ(run(base + " -c 2 --chunks 1 --ppl-mode full").code, 0);
  expect_error(base + " --chunks 0", 2, "--chunks 0");
  expect_error(demo_ + " --perplexity " + file("none", ""), 1, "wanted at least");
  const Ran beyond = run(base + " -c 1100 --chunks 1");
  EXPECT_NE(beyond.err.find("warning: a context of 1100 tokens"), std::string::npos) << beyond.err;
}

// The file of a model whose embedding, of halves, holds no numbers.
std::string with_nan_embedding(const std::string& path) {
  std::string bytes = contents(path);
  const Gguf file = Gguf::open(path).value();
  const std::span<const std::byte> data = file.tensor("token_embd.weight").value()->data;
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  const size_t begin = bytes.find(text);
  for (size_t i = begin; i < begin + text.size(); i += 2) bytes.replace(i, 2, "\xff\x7e");
  return bytes;
}

TEST_F(Tasks, PerplexityThatIsNoNumberIsAnError) {
  const std::string nan = file("nan.gguf", with_nan_embedding(small_model_files().path(kHalves)));
  const std::string text = file("text", std::string(6000, 'a'));
  expect_error(nan + " -c 64 --chunks 1 --perplexity " + text, 1, "");
}

TEST_F(Tasks, ACacheThatWasNamedWarnsWhateverElseIsSilent) {
  const std::string base = demo_ + " -p And -n 1 --temp 0 --log-disable";
  for (const std::string& cache : {std::string("/nonexistent.kc"), file("bad.kc", "no cache")}) {
    const Ran ran = run(base + " --cache " + cache);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err.find("warning: cache not used: " + cache), 0U) << ran.err;
    EXPECT_EQ(ran.out, run(base).out);
  }
}

TEST_F(Tasks, SeedsOf64BitsAreUsedWhole) {
  const std::string base = demo_ + " -p 'And God said' -n 30 --temp 1.5 -s ";
  const Ran low = run(base + "7"), high = run(base + "4294967303");  // 7 + 2^32
  EXPECT_NE(low.out, high.out);
  EXPECT_NE(high.err.find("seed: 4294967303\n"), std::string::npos) << high.err;
  EXPECT_NE(run(base + "18446744073709551615").err.find("seed: 18446744073709551615\n"),
            std::string::npos);
  const Ran random = run(base + "-1");
  const size_t at = random.err.find("seed: ");
  ASSERT_NE(at, std::string::npos);
  const std::string seed = random.err.substr(at + 6, random.err.find('\n', at) - at - 6);
  EXPECT_EQ(run(base + seed).out, random.out);
}

}  // namespace
}  // namespace bitnet
