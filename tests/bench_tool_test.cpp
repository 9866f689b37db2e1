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

TEST(Statistics, RatioIsTheMedianWithItsInterval) {
  EXPECT_EQ(to_string(ratio_of(std::vector{1.04, 1.06, 1.02})), "1.04x (1.02-1.06, 3 rounds)");
  EXPECT_EQ(to_string(ratio_of(std::vector{2.0})), "2.00x (2.00-2.00, 1 round)");
  EXPECT_DOUBLE_EQ(ratio_of(std::vector{1.0, 4.0, 2.0, 3.0}).median, 2.5);
  EXPECT_EQ(ratio_of({}).rounds, 0);
}

// Ranks of the 95 % interval of a median, as tables of order statistics have them.
TEST(Statistics, IntervalsLeaveOutliersOutWhereThereAreEnoughRounds) {
  const struct {
    int rounds, low, high;  // ranks from 1
  } table[] = {{5, 1, 5}, {6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {12, 3, 10}, {20, 6, 15}, {25, 8, 18}};
  for (const auto& [rounds, low, high] : table) {
    std::vector<double> ratios;
    for (int i = rounds; i >= 1; --i) ratios.push_back(i);
    const Ratio ratio = ratio_of(ratios);
    EXPECT_EQ(ratio.low, low) << rounds;
    EXPECT_EQ(ratio.high, high) << rounds;
    EXPECT_EQ(ratio.median, 0.5 * (1 + rounds)) << rounds;
  }
  EXPECT_GT(ratio_of(std::vector<double>(1000, 1.0)).rounds, 0);  // 2^-1000 is a number still
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
  const std::string header = markdown.header(more, false);
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
  return format.header({}, false) + format.row(facts, generation(), {}, true) +
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
  const std::string header = format_named("csv").header({}, false);
  const std::string row = format_named("csv").row({.path = "m.gguf"}, generation(), {}, true);
  EXPECT_EQ(std::ranges::count(header, ','), std::ranges::count(row, ','));
  EXPECT_NE(row.find("\"built-in \"\"x\"\"\""), std::string::npos) << row;
}

// generation() took 0.5, 1 and 0.5 s; the other one twice as long, but for a round.
Measurement comparison() {
  Measurement m = generation();
  m.versus = {.name = "builtin", .kernels = "built-in", .samples = {{1.0, 0}, {2.0, 0}, {0.4, 0}}};
  return m;
}

TEST(Output, AComparisonIsALineMoreInMarkdown) {
  const Format& markdown = format_named("md");
  EXPECT_EQ(markdown.header({}, true), markdown.header({}, false));
  const Columns more = {"n_ubatch"};
  const std::string row = markdown.row({}, comparison(), more, true);
  ASSERT_TRUE(row.starts_with(markdown.row({}, generation(), more, true)));
  const std::string line = row.substr(row.find('\n') + 1);
  EXPECT_TRUE(line.starts_with("| 2.00x (0.80-2.00, 3 rounds) of builtin |")) << line;
  EXPECT_NE(line.find(" tg10 |"), std::string::npos) << line;
  EXPECT_NE(line.find("13.33 ± "), std::string::npos) << line;  // (10 + 5 + 25) / 3
  EXPECT_EQ(2 * std::ranges::count(line, '|'),
            std::ranges::count(markdown.header(more, true), '|'));
}

TEST(Output, AComparisonHasFieldsOfItsOwn) {
  const auto object = nlohmann::json::parse(format_named("jsonl").row({}, comparison(), {}, true));
  EXPECT_EQ(object["vs"], "builtin");
  EXPECT_EQ(object["vs_ratio"], 2.0);
  EXPECT_EQ(object["vs_ratio_low"], 0.8);
  EXPECT_EQ(object["vs_rounds"], 3);
  EXPECT_EQ(object["samples_vs_ratio"].size(), 3U);
  const auto alone = nlohmann::json::parse(format_named("jsonl").row({}, generation(), {}, true));
  for (const auto& [key, value] : alone.items()) EXPECT_FALSE(key.contains("vs")) << key;
  for (const char* name : {"csv", "sql"}) {
    const Format& format = format_named(name);
    EXPECT_NE(format.header({}, true).find("vs_ratio_high"), std::string::npos);
    EXPECT_EQ(format.header({}, false).find("vs_"), std::string::npos);
  }
  const Format& csv = format_named("csv");
  EXPECT_EQ(std::ranges::count(csv.header({}, true), ','),
            std::ranges::count(csv.row({}, comparison(), {}, true), ','));
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
