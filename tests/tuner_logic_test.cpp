// The tuner's decisions with made-up noise, and its two files of memory.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>
#include <tuple>

#include "tools/common/progress.h"
#include "tuner/folder_lock.h"
#include "tuner/halving.h"
#include "tuner/report.h"
#include "tuner/trials_log.h"
#include "tuner/wisdom.h"

namespace bitnet::tuner {
namespace {

// Plays a search: true ratios, multiplicative noise, now and then a spike or a disturbed sample.
struct Game {
  std::vector<double> truth;
  double noise = 0.01;
  double spike_chance = 0.05, disturbed_chance = 0.1;
  std::mt19937 random{7};
  int samples = 0;

  void play(Halving& halving) {
    std::normal_distribution<double> gauss(1.0, noise);
    std::uniform_real_distribution<double> chance(0, 1);
    while (const auto arm = halving.next()) {
      ++samples;
      const bool quiet = chance(random) >= disturbed_chance;
      halving.record(
          *arm, truth[*arm] * gauss(random) * (chance(random) < spike_chance ? 2.0 : 1.0), quiet);
    }
  }
};

TEST(Halving, FindsTheBestOfManyThroughNoise) {
  int found = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    Game game{.truth = std::vector<double>(32, 1.1)};
    game.random.seed(seed);
    game.truth[17] = 0.85;
    game.truth[5] = 0.95;
    Halving halving(std::vector<int>(32, 1), {.first_samples = 3, .stages = 4});
    game.play(halving);
    found += halving.winner() == 17U;
    EXPECT_EQ(halving.next(), std::nullopt);
  }
  EXPECT_GE(found, 98);  // two spikes in three samples lose the best: 0.7 % a search
}

TEST(Halving, SpendsItsSamplesOnTheGoodOnes) {
  Game game{.truth = std::vector<double>(16, 1.2),
            .noise = 0.001,
            .spike_chance = 0,
            .disturbed_chance = 0};
  for (size_t i = 0; i < 16; ++i) game.truth[i] += 0.05 * static_cast<double>(i);
  Halving halving(std::vector<int>(16, 0), {.first_samples = 2, .stages = 3, .final_samples = 10});
  EXPECT_EQ(halving.remaining(), 16 * 2 + 8 * 2 + 4 * 4 + 2 * 10);
  game.play(halving);
  EXPECT_EQ(game.samples,
            16 * 2 + 8 * 2 + 4 * 4 + 2 * 10);  // 2, then 4, then 8 samples in all, then the final
  EXPECT_EQ(halving.of(15).samples, 2);
  EXPECT_EQ(halving.of(2).samples, 8);
  EXPECT_EQ(halving.of(0).samples, 10);
}

TEST(Halving, TheIncumbentStaysUnlessBeatenByMoreThanTheNoise) {
  int replaced = 0;
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    Game game{.truth = std::vector<double>(16, 1.0), .noise = 0.03};
    game.random.seed(seed);
    Halving halving(std::vector<int>(16, 1), {.first_samples = 3, .stages = 3});
    game.play(halving);
    replaced += halving.winner().has_value();
  }
  // Sixteen equals, each with a chance to look better: 7 in 100 searches, 110 of a thousand would
  // be five deviations off.
  EXPECT_LE(replaced, 110);
}

TEST(Halving, TiesGoToTheSimpler) {
  Game game{.truth = {0.800, 0.801, 0.85}, .noise = 0.002};
  Halving halving({3, 1, 0}, {.first_samples = 8, .stages = 1, .final_samples = 16, .tie = 0.01});
  game.play(halving);
  EXPECT_EQ(halving.winner(), 1U);
}

TEST(Halving, StoppedEarlyItAnswersFromWhatThereIs) {
  Halving halving({1, 1, 1}, {.first_samples = 3, .stages = 3});
  halving.record(0, 0.7);
  halving.record(1, 0.5);
  EXPECT_TRUE(halving.next().has_value());
  halving.stop();
  EXPECT_EQ(halving.next(), std::nullopt);
  EXPECT_EQ(halving.winner(), 1U);
  Halving nothing({1}, {});
  nothing.stop();
  EXPECT_EQ(nothing.winner(), std::nullopt);
  EXPECT_EQ(Halving({}, {}).next(), std::nullopt);
}

TEST(Halving, FindsTheBestThoughEverySampleIsDisturbed) {
  Game game{.truth = {0.6, 0.5}, .spike_chance = 0, .disturbed_chance = 1};
  Halving halving({0, 0}, {.first_samples = 3, .stages = 1, .final_samples = 12});
  game.play(halving);
  EXPECT_EQ(halving.winner(), 1U);
  EXPECT_EQ(game.samples, 2 * (2 * 3 + 2 * 12));  // twice as many as are wanted
}

TEST(Halving, QuietSamplesCountBeforeDisturbedOnes) {
  Halving halving({0}, {.first_samples = 2, .stages = 1, .final_samples = 2});
  for (const bool quiet : {false, true, false, true}) halving.record(0, quiet ? 0.5 : 2.0, quiet);
  EXPECT_EQ(halving.of(0).samples, 0);  // the final stage begins afresh
  halving.record(0, 2.0, false);
  EXPECT_EQ(halving.of(0).ratio, 2.0);
  for (int i = 0; i < 2; ++i) halving.record(0, 0.5);
  EXPECT_EQ(halving.of(0).ratio, 0.5);
  EXPECT_EQ(halving.next(), std::nullopt);
}

TEST(Halving, MedianAndItsError) {
  EXPECT_DOUBLE_EQ(estimate({3, 1, 2}).ratio, 2);
  EXPECT_DOUBLE_EQ(estimate({4, 1, 2, 3}).ratio, 2.5);
  EXPECT_DOUBLE_EQ(estimate({1, 1, 1, 9}).error, 0);
  EXPECT_GT(estimate({1}).error, 0.04);
  EXPECT_EQ(estimate({}).samples, 0);
}

Record some_record(RecordKind kind, int64_t n = 6912) {
  Record r{.kind = kind};
  r.key = {
      .machine = "a91c77e0",
      .isa = "avx512vnni",
      .threads = 2,
      .residency = "memory",
      .problem = {.kind = ProblemKind::gate_up, .n = n, .k = 2560, .epilogue = BN_GATE_UP_RELU2},
      .m_min = 1,
      .objective = "balanced",
      .kernel_hash = "0123456789abcdef",
      .kernel = "gemv_t2_avx512vnni__r32_k512_u2_pf2048"};
  r.nanoseconds = 41800.5;
  r.ratio = 0.81234;
  r.error = 0.006;
  r.samples = 31;
  if (kind == RecordKind::choice) {
    r.preset = "normal";
    r.roof_share = 0.88;
    r.builtin_nanoseconds = 51000;
    r.candidates = 24;
  }
  return r;
}

TEST(Records, PrintAndParseAgree) {
  for (RecordKind kind : {RecordKind::trial, RecordKind::choice}) {
    const std::string text = to_text(some_record(kind));
    const auto back = parse_record(text);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(to_text(*back), text);
    EXPECT_EQ(back->key.problem.kind, ProblemKind::gate_up);
    EXPECT_EQ(back->key.problem.epilogue, BN_GATE_UP_RELU2);
    EXPECT_EQ(back->samples, 31);
  }
}

// What was measured of a shape with a scale for each part says nothing of one with groups.
TEST(Records, AGroupSizeIsPartOfTheQuestion) {
  Record record = some_record(RecordKind::trial);
  const std::string plain = question(record.key);
  record.key.problem.group = 128;
  EXPECT_NE(question(record.key), plain);
  const auto back = parse_record(to_text(record));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->key.problem.group, 128);
}

TEST(Records, RefuseWhatIsMissingUnknownTwiceOrNoNumber) {
  const std::string good = to_text(some_record(RecordKind::trial));
  const auto message = [](const std::string& text) {
    const auto r = parse_record(text);
    return r ? std::string("accepted") : r.error().message;
  };
  EXPECT_EQ(message(good.substr(0, good.rfind(' '))), "key 'samples' is missing");
  EXPECT_EQ(message(good + " more=1"), "unknown keys beside the 16 known ones");
  EXPECT_EQ(message(good + " ns=1"), "key 'ns' stands twice");
  EXPECT_EQ(message("rumour " + good), "found 'rumour', wanted trial or choice");
  std::string bad = good;
  bad.replace(bad.find("ns=41800.5"), 10, "ns=nan");
  EXPECT_EQ(message(bad), "ns: cannot read 'nan'");
}

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitnet_tuner_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    log_ = folder_ + "/trials.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void append(const std::vector<Record>& records) {
    const auto done = append_trials(log_, records);
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }
  std::string slurp() const {
    std::ostringstream all;
    all << std::ifstream(log_).rdbuf();
    return all.str();
  }
  std::string folder_, log_;
};

TEST_F(Files, TrialsAreAppended) {
  EXPECT_TRUE(read_trials(log_)->records.empty());
  append({some_record(RecordKind::trial)});
  append({some_record(RecordKind::choice), some_record(RecordKind::trial, 7)});
  const auto read = read_trials(log_);
  ASSERT_EQ(read->records.size(), 3U);
  EXPECT_TRUE(read->notices.empty());
  EXPECT_EQ(read->records[2].key.problem.n, 7);
}

TEST_F(Files, EveryTornTailIsDroppedWithANoticeAndThenCut) {
  append({some_record(RecordKind::trial), some_record(RecordKind::trial, 7)});
  const std::string whole = slurp();
  const size_t first = whole.find('\n') + 1;
  for (size_t size = first + 1; size < whole.size(); size += 9) {
    std::ofstream(log_, std::ios::trunc) << whole.substr(0, size);
    const auto read = read_trials(log_);
    ASSERT_EQ(read->records.size(), 1U) << size;
    ASSERT_EQ(read->notices.size(), 1U) << size;
    append({some_record(RecordKind::trial, 9)});
    const auto again = read_trials(log_);
    ASSERT_EQ(again->records.size(), 2U) << size;
    EXPECT_EQ(again->records[1].key.problem.n, 9);
    EXPECT_TRUE(again->notices.empty());
  }
}

TEST_F(Files, AFlippedByteCostsOneLine) {
  append({some_record(RecordKind::trial), some_record(RecordKind::trial, 7),
          some_record(RecordKind::trial, 8)});
  std::string text = slurp();
  const size_t second = text.find('\n') + 1;
  for (size_t at : {second, second + 8, second + 20, second + 100}) {
    std::string bad = text;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    std::ofstream(log_, std::ios::trunc) << bad;
    const auto read = read_trials(log_);
    ASSERT_EQ(read->records.size(), 2U) << at;
    EXPECT_EQ(read->notices.size(), 1U);
    EXPECT_EQ(read->records[1].key.problem.n, 8);
  }
}

TEST_F(Files, WhatIsNoLogIsLeftAlone) {
  const std::vector<Record> records{some_record(RecordKind::trial)};
  std::ofstream(log_) << "Dear diary,\nnothing was measured today\n";
  EXPECT_EQ(append_trials(log_, records).error().message,
            log_ + ": found a file that is no trials log: nothing is added");
  EXPECT_TRUE(slurp().ends_with("today\n"));
  std::filesystem::remove(log_);
  ASSERT_EQ(mkfifo(log_.c_str(), 0600), 0);
  EXPECT_EQ(append_trials(log_, records).error().message, log_ + ": not a regular file");
  EXPECT_FALSE(read_trials(log_));
}

TEST_F(Files, WritersAndReadersTakeTurns) {
  append({some_record(RecordKind::trial)});
  std::vector<std::jthread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&] {
      for (int i = 0; i < 25; ++i)
        EXPECT_TRUE(append_trials(
            log_, std::vector{some_record(RecordKind::trial), some_record(RecordKind::trial)}));
    });
  for (int i = 0; i < 50; ++i) {
    const auto read = read_trials(log_);
    EXPECT_TRUE(read->notices.empty()) << read->notices.front();
    EXPECT_EQ(read->records.size() % 2, 1U);  // pairs are whole
  }
  writers.clear();
  EXPECT_EQ(read_trials(log_)->records.size(), 201U);
}

// Read, add one, write: without the lock additions are lost.
TEST_F(Files, AFolderIsChangedByOneAtATime) {
  const std::string count = folder_ + "/count";
  std::ofstream(count) << 0;
  std::vector<std::jthread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto lock = FolderLock::take(folder_);
        EXPECT_TRUE(lock);
        int value = 0;
        std::ifstream(count) >> value;
        std::ofstream(count) << value + 1;
      }
    });
  writers.clear();
  int value = 0;
  std::ifstream(count) >> value;
  EXPECT_EQ(value, 100);
  EXPECT_FALSE(FolderLock::take(folder_ + "/none"));
}

TEST(Wisdom, TheLatestChoiceCountsAndOtherMachinesAreLeftOut) {
  Record old = some_record(RecordKind::choice), later = old, other = old,
         trial = some_record(RecordKind::trial);
  later.key.kernel = "gemv_t2_avx2__r16";
  other.key.machine = "ffffffff";
  const std::vector<Record> records{old, trial, later, other};
  const Wisdom wisdom = derive_wisdom(records, "a91c77e0");
  ASSERT_EQ(wisdom.size(), 1U);
  EXPECT_EQ(wisdom.begin()->second.key.kernel, "gemv_t2_avx2__r16");
}

TEST(Wisdom, ReadsWhatItWroteAndNothingElse) {
  const std::vector<Record> records{some_record(RecordKind::choice),
                                    some_record(RecordKind::choice, 100),
                                    some_record(RecordKind::choice, 99)};
  const Wisdom wisdom = derive_wisdom(records, "a91c77e0");
  const std::string text = to_text(wisdom, "a91c77e0");
  const auto back = parse_wisdom(text, "wisdom", "a91c77e0");
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(to_text(*back, "a91c77e0"), text);

  EXPECT_FALSE(parse_wisdom(text, "wisdom", "00000000").has_value());
  EXPECT_FALSE(parse_wisdom(text.substr(0, text.size() - 1), "wisdom", "a91c77e0").has_value());
  std::string bad = text;
  bad.replace(bad.rfind("ratio="), 6, "ration");
  const auto refused = parse_wisdom(bad, "wisdom", "a91c77e0");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message.substr(0, 10), "wisdom:4: ");
}

TEST(Report, TableAndJsonSayTheSame) {
  Report report{.model = "m.gguf",
                .isa = "avx2",
                .residency = "memory",
                .threads = 2,
                .roof_gigabytes_per_second = 40};
  report.rows.push_back({.problem = {.kind = ProblemKind::qkv, .n = 3840, .k = 2560, .count = 30},
                         .m_min = 1,
                         .tokens = 1,
                         .kernel = "gemv_t2_avx2__r32",
                         .nanoseconds = 100000,
                         .builtin_nanoseconds = 120000,
                         .error = 0.002,
                         .packed_bytes = 2457600,
                         .roof_share = 0.91,
                         .candidates = 12});
  const Problem& problem = report.rows.front().problem;
  for (const auto& [packing, kernel, ns, reason] :
       {std::tuple("tl2_r32", "lut_tl2_avx2__r32", 150000.0, ""),
        std::tuple("t2_r32", "gemv_t2_avx2__r32", 100000.0, ""),
        std::tuple("tl1_r64", "", 0.0, "the time was up")})
    report.packings.push_back({.problem = problem,
                               .tokens = "1",
                               .packing = packing,
                               .kernel = kernel,
                               .nanoseconds = ns,
                               .reason = reason});
  report.left_out = {{.tokens = "1", .reason = "its block of K is not below K", .pairs = 96},
                     {.tokens = "1", .reason = "its tables do not fit L2", .pairs = 4}};
  const std::string table = to_table(report);
  EXPECT_NE(table.find("left out, 1 token, candidates x shapes: 96 because its block of K is not "
                       "below K; 4 because its tables do not fit L2\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("gemv_t2_avx2__r32"), std::string::npos);
  EXPECT_NE(table.find("24.6"), std::string::npos) << table;  // GB/s
  EXPECT_NE(table.find("91 %"), std::string::npos) << table;
  EXPECT_NE(table.find("1.20x +-0.4 %"), std::string::npos) << table;
  EXPECT_NE(
      table.find("packings, 1 token, all layers: t2_r32 3000.0 us, tl2_r32 4500.0 us; tl1_r64: "
                 "the time was up\n"),
      std::string::npos)
      << table;
  EXPECT_NE(table.find("3.00 ms, built-in 3.60 ms"), std::string::npos) << table;
  const std::string json = to_json(report);
  EXPECT_NE(json.find("\"gain\": 1.2"), std::string::npos) << json;
  EXPECT_NE(json.find("\"reason\": \"the time was up\""), std::string::npos) << json;
}

TEST(Progress, LineFitsItsTerminal) {
  EXPECT_EQ(progress_line(0.5, "x", 75, 79), "[############............]  50 % 1:15 left  x");
  EXPECT_EQ(progress_line(2, std::string(200, 'x'), -1, 40).size(), 40U);
}

}  // namespace
}  // namespace bitnet::tuner
