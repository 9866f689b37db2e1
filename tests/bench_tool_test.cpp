// bitnet-bench: lists of numbers, and output with llama-bench's columns and keys.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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
  EXPECT_EQ(parse_int_list("0", "-t", 1, 1000).error().message, "-t 0: found 0, wanted 1 to 1000");
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
  const std::string row = markdown_row(facts, generation());
  EXPECT_EQ(row,
            "| bitnet 2.41B                   |   1.00 GiB |     2.41 B | CPU        |       2 |   "
            "         tg10 |"
            "         16.67 ± 5.77 |   16.7 |    50 % |\n");
  Measurement prompt = generation();
  prompt.test = {.prompt = 512, .generate = 0, .depth = 64};
  EXPECT_NE(markdown_row(facts, prompt).find(" pp512 @ d64 |"), std::string::npos);
  EXPECT_NE(markdown_row(facts, prompt).find("|      - |       - |\n"), std::string::npos);
}

TEST(Output, JsonAndCsvHaveLlamaBenchsKeys) {
  const auto parsed = nlohmann::json::parse(to_json({.path = "m.gguf"}, {generation()}));
  ASSERT_EQ(parsed.size(), 1U);
  for (const char* key :
       {"avg_ts", "stddev_ts", "n_prompt", "n_gen", "model_size", "model_n_params", "n_threads",
        "samples_ts", "test_time", "type_k", "n_ubatch"}) {
    EXPECT_TRUE(parsed[0].contains(key)) << key;
  }
  EXPECT_NEAR(parsed[0]["avg_ts"].get<double>(), 16.667, 0.001);
  EXPECT_EQ(parsed[0]["samples_ts"].size(), 3U);
  const std::string header = csv_header(), row = csv_row({.path = "m.gguf"}, generation());
  EXPECT_EQ(std::ranges::count(header, ','), std::ranges::count(row, ',') - 0);
  EXPECT_NE(row.find("\"built-in \"\"x\"\"\""), std::string::npos) << row;
}

}  // namespace
}  // namespace bitnet::bench
