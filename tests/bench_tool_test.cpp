// bitnet-bench: lists of numbers, and output with llama-bench's columns and keys.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/bench/int_list.h"
#include "tools/bench/output.h"

namespace bitnet::bench {
namespace {

TEST(IntList, NumbersAndRanges) {
  const auto list = [](std::string_view text) {
    return parse_int_list(text, "-t", 0, 1000).value_or(std::vector{-1});
  };
  EXPECT_EQ(list("512"), (std::vector{512}));
  EXPECT_EQ(list("1,2,8"), (std::vector{1, 2, 8}));
  EXPECT_EQ(list("1-4"), (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(list("1-8+3,20"), (std::vector{1, 4, 7, 20}));
  EXPECT_EQ(list("1-8*2"), (std::vector{1, 2, 4, 8}));
  for (const char* bad : {"", "x", "1,", ",1", "1-", "4-1", "1-8*1", "0-8*2", "1-8+0", "1-8/2",
                          "1 2", "1001", "0-100000"}) {
    EXPECT_FALSE(parse_int_list(bad, "-t", 0, 1000).has_value()) << bad;
  }
  const Error error = parse_int_list("0", "-t", 1, 1000).error();
  EXPECT_EQ(error.message, "-t 0: found 0, wanted 1 to 1000");
  EXPECT_EQ(error.kind, Error::Kind::usage);
}

TEST(Statistics, MeanAndDeviationOfASample) {
  EXPECT_DOUBLE_EQ(mean({1, 2, 3}), 2);
  EXPECT_DOUBLE_EQ(deviation({1, 2, 3}), 1);
  EXPECT_DOUBLE_EQ(deviation({5}), 0);
}

Measurement generation() {
  return {.test = {.prompt = 0, .generate = 10, .depth = 0},
          .threads = 2,
          .samples = {{0.5, 40e9}, {1.0, 20e9}, {0.5, 50e9}},
          .bytes_per_token = 1000000000,
          .kernels = "built-in \"x\""};
}

TEST(Output, ShareOfTheRoofIsTheMedianOverRounds) {
  EXPECT_DOUBLE_EQ(generation().roof_share(), 0.5);  // 20/40, 10/20, 20/50
  EXPECT_DOUBLE_EQ(generation().gigabytes_per_second(), (20 + 10 + 20) / 3.0);
}

TEST(Output, MarkdownHasLlamaBenchsColumns) {
  const ModelFacts facts{.path = "m.gguf",
                         .type = "bitnet 2.41B",
                         .bytes = uint64_t{1} << 30,
                         .parameters = 2410000000};
  const Format& markdown = format_named("md");
  EXPECT_EQ(markdown.row(facts, generation(), {}, true),
            "| bitnet 2.41B                   |   1.00 GiB |     2.41 B | CPU        |       2 |   "
            "         tg10 |"
            "         16.67 ± 5.77 |   16.7 |    50 % |\n");
  Measurement prompt = generation();
  prompt.test = {.prompt = 512, .generate = 0, .depth = 64};
  const std::string row = markdown.row(facts, prompt, {}, false);
  EXPECT_NE(row.find(" pp512 @ d64 |"), std::string::npos);
  EXPECT_NE(row.find("|      - |       - |\n"), std::string::npos);
}

TEST(Output, MarkdownShowsUnusualSettings) {
  const Format& markdown = format_named("md");
  const Columns more = {"n_ubatch", "type_k"};
  const std::string header = markdown.header(more);
  EXPECT_NE(header.find("| threads | n_ubatch |   type_k |            test |"), std::string::npos);
  const std::string row = markdown.row({.ubatch = 64}, generation(), more, true);
  EXPECT_NE(row.find("|       2 |       64 |      f16 |            tg10 |"), std::string::npos)
      << row;
  const auto bars = std::ranges::count(row, '|');
  EXPECT_EQ(std::ranges::count(header, '|'), 2 * bars);
}

// A header, two rows, a footer, as bitnet-bench prints them.
std::string two_rows(std::string_view format_name) {
  const Format& format = format_named(format_name);
  const ModelFacts facts{.path = "it's m.gguf"};
  return format.header({}) + format.row(facts, generation(), {}, true) +
         format.row(facts, generation(), {}, false) + std::string(format.footer);
}

void expect_llama_benchs_keys(const nlohmann::json& test) {
  for (const char* key :
       {"avg_ts", "stddev_ts", "n_prompt", "n_gen", "model_size", "model_n_params", "n_threads",
        "samples_ts", "test_time", "type_k", "n_ubatch"})
    EXPECT_TRUE(test.contains(key)) << key;
  EXPECT_NEAR(test["avg_ts"].get<double>(), 16.667, 0.001);
  EXPECT_EQ(test["samples_ts"].size(), 3U);
}

TEST(Output, JsonIsOneListAndJsonlALineATest) {
  const auto list = nlohmann::json::parse(two_rows("json"));
  ASSERT_EQ(list.size(), 2U);
  expect_llama_benchs_keys(list[1]);
  std::istringstream lines(two_rows("jsonl"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    expect_llama_benchs_keys(nlohmann::json::parse(line));
  EXPECT_EQ(count, 2);
}

TEST(Output, CsvHasACellForEachColumn) {
  const std::string header = format_named("csv").header({});
  const std::string row = format_named("csv").row({.path = "m.gguf"}, generation(), {}, true);
  EXPECT_EQ(std::ranges::count(header, ','), std::ranges::count(row, ','));
  EXPECT_NE(row.find("\"built-in \"\"x\"\"\""), std::string::npos) << row;
}

TEST(Output, SqlMakesATableAndInsertsRows) {
  const std::string sql = two_rows("sql");
  EXPECT_TRUE(sql.starts_with("CREATE TABLE IF NOT EXISTS llama_bench (\n  build_commit TEXT,\n"));
  for (const char* column : {"  n_threads INTEGER,\n", "  avg_ts REAL,\n", "  roof_share REAL\n);"})
    EXPECT_NE(sql.find(column), std::string::npos) << column << sql;
  const size_t insert = sql.find("INSERT INTO llama_bench (build_commit, ");
  ASSERT_NE(insert, std::string::npos);
  EXPECT_NE(sql.find("'it''s m.gguf'", insert), std::string::npos) << sql;
  EXPECT_NE(sql.find("INSERT INTO", insert + 1), std::string::npos);
}

}  // namespace
}  // namespace bitnet::bench
