// Command lines of all programs, a row each: what is understood, what is ignored with a note, what
// is refused, and where. The models that most rows name do not exist: an exit code of 1 and "cannot
// open" then say that the line was understood.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli.h"
#include "tools/common/llama_options.h"
#include "tools/common/numbers.h"
#include "tools/common/similar.h"
#include "tools/common/words.h"

namespace bitnet {
namespace {

class CommandLines : public Cli {
 protected:
  // run wants something to do, synth has no model to open.
  static std::vector<std::string> programs() {
    std::vector<std::string> names = {"run", "bench", "synth"};
#ifdef BITNET_HAS_TUNER
    names.insert(names.end(), {"tune", "report"});
#endif
    return names;
  }
  static std::string start_of(const std::string& program) {
    return program == "run"     ? "missing.gguf -p a "
           : program == "synth" ? "no-shape missing/out.gguf "
                                : "missing.gguf ";
  }
  // The code of a line that was understood: the model is missing, or the shape.
  static int understood(const std::string& program) { return program == "synth" ? 2 : 1; }
};

TEST_F(CommandLines, WordsWithADashThatAreNoOptionAreUnknown) {
  const std::pair<const char*, const char*> rows[] = {
      {"-frob", "unknown option -frob"},
      {"-nonsense 0", "unknown option -nonsense"},
      {"-tt 4", "unknown option -tt"},
      {"-xyz", "unknown option -xyz"},
      {"-n12x", "unknown option -n12x"},
      {"-Z", "unknown option -Z"},
      {"\"-$(printf 'a\\nb\\033[2J')\"", "unknown option -a\\x0ab\\x1b[2J"},
      {"--frobnicate", "unknown option --frobnicate"},
      {"--frobnicate=3", "unknown option --frobnicate"},
      {"--thread 4", "unknown option --thread: is --threads meant?"},
      {"-threads 4", "unknown option -threads: is --threads meant?"},
      {"-numa distribute", "unknown option -numa: is --numa meant?"},
      {"-hf some/repo", "-hf: nothing is downloaded here: get the file and give -m FILE"},
      {"--model-url=http://x", "--model-url: nothing is downloaded"},
      {"--lora x.gguf", "--lora: adapters are not supported"},
      {"-md draft.gguf", "-md: speculative decoding"},
      {"--rope-freq-base 10000", "--rope-freq-base: not supported"},
  };
  for (const std::string& program : programs())
    for (const auto& [words, part] : rows)
      expect_error_of(run_tool(program, start_of(program) + words), program + " " + words, 2, part);
}

TEST_F(CommandLines, OptionsOfLlamaCppAreIgnoredWithOneNote) {
  const std::pair<const char*, const char*> rows[] = {
      {"-ngl 0", "-ngl 0"},
      {"-ngl -1", "-ngl -1"},
      {"--n-gpu-layers=99", "--n-gpu-layers 99"},
      {"--n_gpu_layers 99", "--n-gpu-layers 99"},
      {"-fa", "-fa"},
      {"-fa on", "-fa on"},
      {"--flash-attn auto", "--flash-attn auto"},
      {"-fa --mlock", "-fa, --mlock"},
      {"-sm none -mg 0 -ts 3,1", "-sm none, -mg 0, -ts 3,1"},
      {"--numa isolate -np 4 -nkvo -cb", "--numa isolate, -np 4, -nkvo, -cb"},
      {"-co --color --jinja --simple-io", "--color, --jinja, --simple-io"},
      {"--color always", "--color always"},
      {"-dev none -ot x=CPU", "-dev none, -ot x=CPU"},
      {"-fit off --no-mmap --no-perf", "-fit off, --no-mmap, --no-perf"},
      {"--poll 50 --prio 2 --cpu-mask 0xF --cpu-strict 1",
       "--poll 50, --prio 2, --cpu-mask 0xF, --cpu-strict 1"},
      {"-ngl 3 -ngl 4", "-ngl 4"},
  };
  for (const std::string& program : programs())
    for (const auto& [words, note] : rows) {
      const Ran ran = run_tool(program, start_of(program) + words);
      EXPECT_EQ(ran.code, understood(program)) << program << " " << words << "\n" << ran.err;
      EXPECT_EQ(ran.err.find(fmt::format("note: ignored, of no meaning here: {}\nerror: ", note)),
                0U)
          << program << " " << words << "\n"
          << ran.err;
    }
}

TEST_F(CommandLines, NotesAreSilencedWithTheLog) {
  EXPECT_EQ(run(demo_ + " -p a -n 1 --log-disable -ngl 0 -fa").err, "");
}

TEST_F(CommandLines, WhatAnOptionNeedsMayNotBeMissing) {
  for (const std::string& program : programs())
    for (const char* words : {"-ngl", "-ngl --mlock", "--numa", "-t"})
      expect_error_of(run_tool(program, start_of(program) + words), program + " " + words, 2,
                      ": wanted a value");
}

TEST_F(CommandLines, NumbersAreReadWholeOrRefused) {
  for (const std::string& program : programs())
    for (const char* value : {"many", "1.5", "4x", "0", "-2", "1025", "4294967297", "0x10", "1e2",
                              "99999999999999999999999", "''", "' 4'"}) {
      const std::string words = start_of(program) + "-t " + value;
      expect_error_of(run_tool(program, words), program + " " + words, 2, "error: -t ");
    }
  const char* rows[] = {"-n 9223372036854775808",
                        "-n -9223372036854775809",
                        "-n 1.5",
                        "-n 12abc",
                        "-c 12abc",
                        "-c 99999999999999999999",
                        "-c -2",
                        "-b 0",
                        "-b 99999999999999999999",
                        "-ub 65537",
                        "--top-k 4294967297",
                        "--top-k 2147483648",
                        "--repeat-last-n 99999999999",
                        "--temp 1e999",
                        "--temp nan",
                        "--temp inf",
                        "--temp 0,8",
                        "--top-p x",
                        "--min-p nan",
                        "--chunks 1e3",
                        "--chunks 99999999999999999999",
                        "-s 18446744073709551616",
                        "-s 99999999999999999999",
                        "-s -2",
                        "-s 1.0",
                        "-s x"};
  for (const std::string row : rows)
    expect_error("missing.gguf -p a " + row, 2, fmt::format("error: {}: wanted ", row));
}

TEST_F(CommandLines, RunsOwnLines) {
  const std::pair<std::string, std::string> rows[] = {
      {"-temp 0", "is --temp meant?"},
      {"-no-cvn", "is -no-cnv meant?"},
      {"two words", "two: no option takes this word"},
      {"-m other.gguf", "missing.gguf: no option takes this word"},
      {"--chat-template alpaca", "wanted one of bitnet, llama3, falcon3, chatml"},
      {"--kernels fast", "--kernels fast: wanted one of auto, builtin, reference"},
      {"--receipt=some", "--receipt some: wanted one of top, full"},
      {"--log-disable=maybe", "--log-disable=maybe: wanted no value"},
      {"-i", "-cnv"},
      {"-r User:", "stop tokens"},
  };
  for (const auto& [words, part] : rows) expect_error("missing.gguf -p a " + words, 2, part);
  expect_error("-p two words -m missing.gguf", 2, "words: no option takes this word");
  expect_error("missing.gguf --tokenize", 2, "wanted a text");
  expect_error("missing.gguf -cnv --tokenize", 2, "wanted a text, -p TEXT or -f FILE");
  expect_error("missing.gguf -p a --sys b", 2, "-cnv");
}

TEST_F(CommandLines, ValuesMayLookLikeOptions) {
  const std::string base = demo_ + " -n 0 --log-disable -p ";
  EXPECT_EQ(run(base + "'-ngl 0 is text'").out, "-ngl 0 is text\n");
  EXPECT_EQ(run(base + "-fa").out, "-fa\n");
  EXPECT_EQ(run(base + "--help").out, "--help\n");
  EXPECT_EQ(run(base + "'[a,b]'").out, "[a,b]\n");
  EXPECT_EQ(run(demo_ + " -n0 --log-disable --prompt=-x=y").out, "-x=y\n");
  EXPECT_EQ(run(demo_ + " -n 2 -c -1 -s -1 -t -1 --temp 0 --log-disable -p a").code, 0);
}

TEST_F(CommandLines, OfTwoTheLastCountsAndSpellingsAreOne) {
  const std::string base = demo_ + " -p 'And God said' --temp 0 --log-disable ";
  const std::string want = run(base + "-n 5").out;
  for (const char* words : {"-n 9 -n 5", "-n5", "-n=5", "--n_predict 5", "--n-predict=5",
                            "--predict 9 -n 5", "-n 5 -cnv -no-cnv", "-n 5 -cnv --no-conversation",
                            "-n 5 -fa", "-n 5 --kernels reference --kernels builtin"})
    EXPECT_EQ(run(base + words).out, want) << words;
  EXPECT_EQ(run(demo_ + " -n 0 --log-disable -p 'a\\nb' --no-escape -e").out, "a\nb\n");
  EXPECT_EQ(run(demo_ + " -n 0 --log-disable -p 'a\\nb' -e --no-escape").out, "a\\nb\n");
  EXPECT_EQ(run(demo_ + " -n 0 --log-disable -p 'a\\nb' -e=false").out, "a\\nb\n");
}

// The line of bitnet.cpp's run_inference.py.
TEST_F(CommandLines, TheLineOfBitnetCppWorks) {
  const std::string line =
      fmt::format("-m {} -n 4 -t 2 -p 'And God said' -ngl 0 -c 64 --temp 0 -b 1", demo_);
  const Ran ran = run(line);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, run(demo_ + " -p 'And God said' -n 4 --temp 0").out);
  const std::string chat = small_model_files().path(kSmallModels[0]);
  const Ran talk =
      run(fmt::format("-m {} -n 4 -t 2 -p Hello -ngl 0 -c 64 --temp 0 -b 1 -cnv "
                      "< /dev/null",
                      chat));
  EXPECT_EQ(talk.code, 0) << talk.err;
  EXPECT_FALSE(talk.out.empty());
}

TEST_F(CommandLines, HelpAndVersionAnswerWhateverElseIsThere) {
  for (const std::string& program : programs()) {
    for (const char* word : {"-h", "--help", "--usage", "-t 3 --help"}) {
      const Ran help = run_tool(program, word);
      EXPECT_EQ(help.code, 0) << program;
      EXPECT_NE(help.out.find("Usage: bitnet-" + program), std::string::npos) << help.out;
    }
    EXPECT_EQ(run_tool(program, "--version").out, "bitnet-" + program + " " BITNET_VERSION "\n");
  }
  EXPECT_NE(run("--help").out.find("-ctk,--cache-type-k"), std::string::npos);
}

TEST_F(CommandLines, ChecksOfTheToolsOwn) {
  struct Row {
    const char *program, *words, *part;
  };
  const Row rows[] = {
      {"bench", "missing.gguf -p 1,x", "-p 1,x: wanted numbers"},
      {"bench", "missing.gguf -p 1, -n 0", "-p 1,: wanted numbers"},
      {"bench", "missing.gguf -p 8-1", "-p 8-1: wanted numbers"},
      {"bench", "missing.gguf -n 99999999999999", "-n 99999999999999: wanted numbers"},
      {"bench", "missing.gguf -pg 5", "-pg 5: wanted two numbers"},
      {"bench", "missing.gguf -p 0 -n 0", "nothing to measure"},
      {"bench", "missing.gguf -ub 0", "-ub 0: found 0"},
      {"bench", "missing.gguf -b 8,0", "found 0, wanted 1"},
      {"bench", "missing.gguf -ctk q4_0", "-ctk q4_0: wanted f16 or f32"},
      {"bench", "missing.gguf -o xml", "wanted one of md, csv, json, jsonl, sql"},
      {"bench", "missing.gguf -r 0", "-r 0: wanted 1 to 1000"},
      {"bench", "missing.gguf --isa sse9", "--isa sse9"},
      {"bench", "", "model is required"},
      {"synth", "no-shape out.gguf", "shape no-shape: wanted one of tiny"},
      {"synth", "tiny", "out is required"},
      {"synth", "tiny out.gguf more", "more: no option takes this word"},
      {"synth", "tiny out.gguf --seed 18446744073709551616", "--seed 18446744073709551616: wanted"},
      {"synth", "tiny out.gguf --seed -1", "--seed -1: wanted"},
      {"synth", "tiny out.gguf --type q4_0", "--type q4_0: wanted one of i2_s, tq2_0, tq1_0"},
      {"synth", "tiny out.gguf --layers 0", "--layers 0: wanted 1 to 1000"},
#ifdef BITNET_HAS_TUNER
      {"tune", "missing.gguf --budget inf", "--budget inf: wanted a time"},
      {"tune", "missing.gguf --budget -5s", "--budget -5s: wanted a time"},
      {"tune", "missing.gguf --budget 5x", "--budget 5x: wanted a time"},
      {"tune", "missing.gguf --max-trials -5", "--max-trials -5: wanted a whole number"},
      {"tune", "missing.gguf --preset slow", "--preset slow: wanted one of quick"},
      {"tune", "missing.gguf --isa sse9", "--isa sse9"},
      {"report", "missing.gguf --budget 0", "--budget 0: wanted 0.1 to 3600"},
      {"report", "missing.gguf --budget nan", "--budget nan: wanted"},
#endif
  };
  for (const auto& [program, words, part] : rows)
    expect_error_of(run_tool(program, words), fmt::format("{} {}", program, words), 2, part);
}

TEST_F(CommandLines, BenchTakesSeveralModelsAndLists) {
  const std::string other = small_model_files().path(kSmallModels[1]);
  const std::string base =
      "-p 2 -n 0 -r 1 --no-warmup -t 1 -ngl 0 -fa 0,1 -mmp 1 -o csv -m " + demo_;
  const auto rows = [&](const std::string& words) {
    const Ran ran = run_tool("bench", base + words);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return std::ranges::count(ran.out, '\n') - 1;
  };
  EXPECT_EQ(rows(""), 1);
  EXPECT_EQ(rows(" -m " + other), 2);
  EXPECT_EQ(rows("," + other + " -ub 32,64 -p 3"), 8);
  EXPECT_EQ(rows(" -b 16 -ctk f16,f32 -ctv f32"), 2);
  const Ran missing = run_tool("bench", base + " -m missing.gguf");
  expect_error_of(missing, "a second model that is missing", 1, "missing.gguf: cannot open");
}

TEST_F(CommandLines, BenchComparesInTurns) {
  const std::string base = demo_ + " -p 4 -n 2 -r 3 -t 1 --vs ";
  const Ran table = run_tool("bench", base + "builtin");
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_EQ(std::ranges::count(table.out, '\n'), 2 + 2 * 2);
  EXPECT_NE(table.out.find(", 3 rounds) of builtin |"), std::string::npos) << table.out;
  EXPECT_NE(table.err.find("\nvs built-in kernels ("), std::string::npos) << table.err;
  const Ran lines = run_tool("bench", base + "builtin -o jsonl");
  EXPECT_NE(lines.out.find("\"vs_ratio\":"), std::string::npos) << lines.out;
  // What is not used is not compared with.
  expect_error_of(run_tool("bench", base + "missing.kc"), "a cache that is missing", 1,
                  "--vs: cache not used: missing.kc: cannot open");
  expect_error_of(run_tool("bench", base + "builtin --cache missing.kc"), "the first is missing", 1,
                  "--vs: cache not used: missing.kc: cannot open");
}

TEST(Numbers, OfTheirTypeOnly) {
  EXPECT_EQ(parse_number<int>("-5"), -5);
  EXPECT_EQ(parse_number<int>("+5"), 5);
  EXPECT_EQ(parse_number<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_number<float>("0.5"), 0.5F);
  EXPECT_EQ(parse_number<float>("1e-3"), 1e-3F);
  for (const char* bad : {"", "-", "+", "+-5", "5 ", " 5", "5x", "1.5", "0x5", "2147483648"})
    EXPECT_FALSE(parse_number<int>(bad)) << bad;
  for (const char* bad : {"-1", "-0", "18446744073709551616"})
    EXPECT_FALSE(parse_number<uint64_t>(bad)) << bad;
  for (const char* bad : {"", "nan", "inf", "-inf", "1e39", "1e999", "0,8", "0.8f"})
    EXPECT_FALSE(parse_number<float>(bad)) << bad;
}

TEST(Similar, NamesThatDifferInFewLetters) {
  const std::vector<std::string> known = {"--temp", "--top-k", "-ctk"};
  EXPECT_EQ(most_similar("-temp", known), "--temp");
  EXPECT_EQ(most_similar("--topk", known), "--top-k");
  EXPECT_EQ(most_similar("-ck", known), "");
  EXPECT_EQ(most_similar("--frobnicate", known), "");
  EXPECT_EQ(most_similar(std::string(100000, 'x'), known), "");
}

TEST(LlamaOptions, EachNameStandsForOneOption) {
  for (const LlamaOption& option : llama_options())
    for (const std::string& name : CLI::detail::split(std::string(option.names), ','))
      EXPECT_EQ(find_llama_option(name), &option) << name;
  EXPECT_TRUE(is_switch_value("0,1"));
  EXPECT_FALSE(is_switch_value("0,"));
  EXPECT_FALSE(is_switch_value("model.gguf"));
}

}  // namespace
}  // namespace bitnet
