// bitnet-run as its users meet it: what goes to stdout and what to stderr, exit codes, messages,
// bad input, signals.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <set>
#include <string>

#include "tests/cli.h"

namespace bitnet {
namespace {

namespace fs = std::filesystem;

TEST_F(Cli, ContinuesATextOnStdoutOnly) {
  const Ran ran = run(demo_ + " -p 'And God said' -n 10 --temp 0");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("And God said ")) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("\n"));
  EXPECT_GT(ran.out.size(), 20U);
  for (const char* part :
       {"model: ", "kernels: ", "load time", "prompt eval time", "tokens per second", "GB/s"})
    EXPECT_NE(ran.err.find(part), std::string::npos) << part;

  const Ran quiet =
      run("-m " + demo_ + " -p 'And God said' -n 10 --temp 0 --log-disable --no-display-prompt");
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ("And God said" + quiet.out, ran.out);
}

TEST_F(Cli, HelpTeachesAndVersionIsOneLine) {
  const Ran help = run("--help");
  EXPECT_EQ(help.code, 0);
  for (const char* part :
       {"--temp", "-ctk", "-ctv", "-ub", "--perplexity", "Examples:", "Exit codes:"})
    EXPECT_NE(help.out.find(part), std::string::npos) << part;
  EXPECT_EQ(help.err, "");
  const Ran version = run("--version");
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out, "bitnet-run " BITNET_VERSION "\n");
}

TEST_F(Cli, WrongCommandLines) {
  expect_error("", 2, "no model");
  expect_error(demo_, 2, "nothing to do");
  expect_error(demo_ + " -p a -f b", 2, "both -p and -f");
  expect_error(demo_ + " -p a --frobnicate", 2, "frobnicate");
  expect_error(demo_ + " -p a -n many", 2, "many");
  expect_error(demo_ + " -p a -t 0", 2, "");
  expect_error(demo_ + " -p a --isa sse9", 2, "wanted one of scalar");
  expect_error(demo_ + " -p a -ctk q8_0", 2, "q8_0 does not exist yet: wanted f16 or f32");
  expect_error(demo_ + " -p a --temp nan", 2, "--temp nan: wanted a number");
  expect_error(demo_ + " -p a --repeat-penalty 0", 2, "repeat penalty");
  expect_error(demo_ + " -p a -sys b", 2, "-cnv");
  expect_error(demo_ + " --perplexity", 2, "wanted a text file");
  expect_error(demo_ + " -p a --kernels fast", 2, "fast");
}

TEST_F(Cli, ErrorsOfTheWorld) {
  expect_error("/nonexistent.gguf -p a", 1, "/nonexistent.gguf: cannot open");
  expect_error(demo_ + " -f /nonexistent.txt", 1, "/nonexistent.txt: No such file or directory");
  expect_error(demo_ + " -f " + folder_.string(), 1, "Is a directory");
  expect_error(file("not.gguf", "this is no model at all, whatever its name says") + " -p a", 1,
               "not.gguf");
  expect_error(file("cut.gguf", contents(demo_).substr(0, 100000)) + " -p a", 1, "cut.gguf");
  expect_error(demo_ + " -cnv -p hello", 1, "");  // no chat template fits
  expect_error(demo_ + " --perplexity " + file("short.txt", "In the beginning"), 1,
               "wanted at least 1024");
}

TEST_F(Cli, AnEmptyPromptBeginsWithBosOrIsRefused) {
  const Ran ran = run(demo_ + " -p '' -n 4 --temp 0");
  // Whether this model begins texts with a bos token is its own affair; both answers are right,
  // silence is not.
  if (ran.code == 0)
    EXPECT_GT(ran.out.size(), 1U);
  else
    EXPECT_NE(ran.err.find("the prompt is empty"), std::string::npos) << ran.err;
}

TEST_F(Cli, ContextsThatAreTooSmallOrFillUp) {
  expect_error(demo_ + " -p 'one two three four five six seven' -c 4", 1, "-c ");
  const Ran full = run(demo_ + " -p 'And God' -c 12 --temp 0");
  EXPECT_EQ(full.code, 0);
  EXPECT_NE(full.err.find("the context of 12 tokens is full: -c 24 "), std::string::npos)
      << full.err;
  const Ran beyond = run(demo_ + " -p 'And God' -c 5000 -n 2");
  EXPECT_NE(beyond.err.find("warning: a context of 5000 tokens"), std::string::npos) << beyond.err;
  EXPECT_EQ(beyond.code, 0);
}

TEST_F(Cli, PromptsFromFilesAndEscapes) {
  const Ran plain = run(demo_ + " -f " + file("p.txt", "And God said\n") + " -n 6 --temp 0");
  EXPECT_EQ(plain.out, run(demo_ + " -p 'And God said' -n 6 --temp 0").out);
  EXPECT_TRUE(run(demo_ + R"( -p 'a\nb\x41\\' -n 0)").out.starts_with("a\nbA\\"));
  EXPECT_TRUE(run(demo_ + R"( -p 'a\nb' -n 0 --no-escape)").out.starts_with("a\\nb"));
}

TEST_F(Cli, TokenizePrintsBareIds) {
  const Ran ran = run(demo_ + " -p 'And God said' --tokenize");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  ASSERT_FALSE(ran.out.empty());
  for (const char c : ran.out)
    EXPECT_TRUE(std::isdigit(static_cast<unsigned char>(c)) || c == ' ' || c == '\n');
}

TEST_F(Cli, SeedsRepeatAndDiffer) {
  const std::string base = demo_ + " -p 'And God said' -n 30 --log-disable --temp 1.5 -s ";
  EXPECT_EQ(run(base + "1").out, run(base + "1").out);
  EXPECT_NE(run(base + "1").out, run(base + "2").out);
}

TEST_F(Cli, ReceiptsDoNotDependOnTheWay) {
  const std::string base =
      demo_ +
      " -p 'In the beginning God created the heaven and the earth' -n 12 --temp 0 --receipt";
  const std::string want = receipt_of(run(base + " --kernels reference"));
  EXPECT_TRUE(want.starts_with("receipt 1 ")) << want;
  EXPECT_TRUE(want.ends_with(" of 12 tokens")) << want;
  for (const char* way :
       {"", " --kernels builtin -t 1", " -t 3", " -ub 1", " -b 3 -t 2", " --isa scalar"})
    EXPECT_EQ(receipt_of(run(base + way)), want) << way;
  EXPECT_TRUE(receipt_of(run(base + "=full")).starts_with("receipt 1-full "));
}

// Keys and values have a type each; each combination has a receipt of its own.
TEST_F(Cli, ReceiptsOfTheCachesTypes) {
  const std::string base =
      demo_ + " -p 'In the beginning God created' -n 12 --temp 0 --receipt=full";
  std::set<std::string> receipts;
  for (const char* types :
       {" -ctk f16 -ctv f16", " -ctk f16 -ctv f32", " -ctk f32 -ctv f16", " -ctk f32 -ctv f32"}) {
    const std::string want = receipt_of(run(base + types + " --kernels reference"));
    EXPECT_TRUE(want.starts_with("receipt 1-full ")) << want;
    EXPECT_TRUE(receipts.insert(want).second) << types << " changes nothing";
    EXPECT_EQ(receipt_of(run(base + types + " --kernels auto -t 2")), want) << types;
  }
  EXPECT_TRUE(receipts.contains(receipt_of(run(base))));
}

TEST_F(Cli, ReadersThatGoAwayAndFullDisks) {
  const Ran head = run(demo_ + " -p 'And God said' -n 400 -c 900 | head -c 5");
  EXPECT_EQ(head.out, "And G");
  EXPECT_EQ(head.err.find("error"), std::string::npos) << head.err;
  const Ran closed = run(demo_ + " -p 'And God said' -n 4 >&-");
  EXPECT_EQ(closed.code, 1);
  EXPECT_NE(closed.err.find("error: stdout: "), std::string::npos) << closed.err;
  if (fs::exists("/dev/full")) {
    const Ran full = run(demo_ + " -p 'And God said' -n 4 > /dev/full");
    EXPECT_EQ(full.code, 1);
    EXPECT_NE(full.err.find("error: stdout: No space left on device"), std::string::npos)
        << full.err;
  }
}

TEST_F(Cli, CtrlCEndsTheReplyAndShowsTimings) {
  // A sequence long enough to be still running after a second, however slow the machine's
  // neighbours.
  const Ran ran = run(
      demo_ +
          " -p 'And God said' -c 100000 --temp 1.5 --repeat-penalty 1.5 -s 3 --kernels reference",
      "timeout --foreground --preserve-status -s INT 1");  // to it alone, so once
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_NE(ran.err.find("eval time"), std::string::npos) << ran.err;
  EXPECT_TRUE(ran.out.ends_with("\n"));
}

TEST_F(Cli, PerplexityInBothModes) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "And God said, Let there be light: and there was light. ";
  const std::string name = file("text.txt", text);
  const Ran llama = run(demo_ + " --perplexity " + name + " -c 64 --chunks 3");
  EXPECT_EQ(llama.code, 0) << llama.err;
  EXPECT_TRUE(llama.out.starts_with("[1]")) << llama.out;
  EXPECT_NE(llama.out.find("\nFinal estimate: PPL = "), std::string::npos) << llama.out;
  EXPECT_EQ(llama.out, run(demo_ + " --perplexity -f " + name +
                           " -c 64 --chunks 3 -t 3 -ub 5 --kernels reference")
                           .out);
  const Ran full = run(demo_ + " --perplexity " + name + " -c 64 --ppl-mode full");
  EXPECT_EQ(full.code, 0) << full.err;
  EXPECT_NE(full.out, llama.out);
}

TEST_F(Cli, VerboseNamesEveryKernel) {
  const Ran ran = run(demo_ + " -p a -n 1 --verbose");
  for (const char* part : {"qkv ", "output ", "gate_up ", "down ", "floats "})
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
}

TEST_F(Cli, ACacheThatIsNoneIsRefusedAndTheTextIsRight) {
  const std::string base = demo_ + " -p 'And God said' -n 10 --temp 0";
  const Ran plain = run(base);
  const Ran ran = run(base + " --cache " + file("bad.kc", "no cache"));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, plain.out);
  EXPECT_NE(ran.err.find("cache not used: "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("bad.kc"), std::string::npos) << ran.err;
}

TEST_F(Cli, ACacheThatFloatActivationsCannotUseIsNamed) {
  const Ran ran = run(demo_ + " -p a -n 1 --activations float --cache some.kc");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("note: some.kc is not used: float activations"), std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace bitnet
