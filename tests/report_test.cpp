// The speed report: what becomes a row, that no packing goes missing in silence, and that the fixed
// baseline is exact.
#include <gtest/gtest.h>

#include "tools/report/compare.h"
#include "tools/report/csv.h"
#include "tools/report/packings.h"
#include "tools/report/table.h"

namespace bitnet::report {
namespace {

constexpr Problem kProblem{.kind = ProblemKind::qkv, .n = 64, .k = 256};
constexpr tuner::TokenClass kOneToken{.m_min = 1, .m_max = 1};

Row row_with(PackingTime packing) {
  return {.isa = "avx2",
          .problem = kProblem,
          .scalar = 9000,
          .builtin = 3000,
          .tuned = 2000,
          .over_builtin = {.gain = 1.5, .error = 0.012},
          .tuned_kernel = "k",
          .packings = {{.packing = "p", .nanoseconds = 2500, .kernel = "kp"}, std::move(packing)}};
}

TEST(Report, APackingWithoutATimeIsNamed) {
  const std::vector<Row> rows{
      row_with({.packing = "q", .reason = "the time was up", .is_missing = true})};
  EXPECT_EQ(missing_times(rows),
            std::vector<std::string>{
                "avx2, qkv 64x256, 1 token: no time for packing q: the time was up"});
}

TEST(Report, APackingThatFitsNoKernelIsNoError) {
  const std::vector<Row> rows{row_with({.packing = "q", .reason = "K=256 is above 128"})};
  EXPECT_TRUE(missing_times(rows).empty());
  EXPECT_NE(to_markdown({}, rows).find("no time for packing q: K=256 is above 128"),
            std::string::npos);
}

TEST(Report, AColumnForEachPackingAndASpreadForEachGain) {
  const std::string text = to_markdown({}, {row_with({.packing = "q", .nanoseconds = 2600})});
  EXPECT_NE(text.find("| tuned | p | q | vs scalar |"), std::string::npos) << text;
  EXPECT_NE(text.find("| 2.0 us | 2.5 us | 2.6 us | 4.5x | - | 1.50x +-1.2 % |"), std::string::npos)
      << text;
}

TEST(Report, CsvHasEveryPackingOfTheCatalogue) {
  Header header{.packings = {"p", "q", "z"}};
  header.machine.cpu = "C";
  const std::string text = to_csv(header, {row_with({.packing = "q"})});
  EXPECT_TRUE(looks_like_csv_report(text));
  EXPECT_NE(text.find(",gain_over_builtin,gain_over_builtin_error,packing_p_ns,packing_p_kernel,"
                      "packing_q_ns,packing_q_kernel,packing_z_ns,packing_z_kernel\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with(",1.5000,0.0120,2500,kp,0,,0,\n")) << text;
}

TEST(Report, FilesAreNamedForTheirCpu) {
  EXPECT_EQ(file_stem("Intel(R) Xeon(R) Processor family 6 model 207"),
            "intel-xeon-processor-family-6-model-207");
  EXPECT_EQ(file_stem("../x"), "x");
  EXPECT_EQ(file_stem("()"), "unknown");
}

// A round in which everything was slow changes no ratio.
TEST(Report, GainsAreOfTheSameRound) {
  const Gain g = gain({2, 20, 2, 2, 200}, {1, 10, 1, 1, 100});
  EXPECT_DOUBLE_EQ(g.gain, 2);
  EXPECT_DOUBLE_EQ(g.error, 0);
  EXPECT_EQ(gain({}, {1, 2}).gain, 0);
  EXPECT_EQ(all_layers({{.count = 2}, {.count = 3}}, {{1, 2}, {10, 20}}), (Rounds{32, 64}));
}

TEST(Report, TheBestLayoutStandsForItsPacking) {
  const auto row = [](const char* key, const char* kernel, double over) {
    return tuner::PackingReport{.problem = kProblem,
                                .tokens = "1",
                                .packing = key,
                                .kernel = kernel,
                                .over_chosen = over,
                                .reason = *kernel != 0 ? "" : "the time was up"};
  };
  const std::vector<tuner::PackingReport> rows{row("t2_r16", "a", 1.2), row("t2_r32", "b", 1.1),
                                               row("t2_r64", "", 0), row("t22_r1", "c", 0.5)};
  EXPECT_EQ(best_of(rows, "t2", kProblem, kOneToken).kernel, "b");
  EXPECT_EQ(best_of({rows[2]}, "t2", kProblem, kOneToken).reason, "the time was up");
  EXPECT_EQ(best_of(rows, "t3", kProblem, kOneToken).reason, "the search has no row of it");
}

// Legal is what the catalogue has a fitting kernel for, whatever a search says.
TEST(Report, WhetherAPackingFitsIsAskedOfItsKernels) {
  auto kernels = PackingKernels::create(IsaSet{});
  ASSERT_TRUE(kernels) << kernels.error().message;
  const std::vector<std::string> packings = packings_of(IsaSet{});
  ASSERT_FALSE(packings.empty());
  EXPECT_TRUE(kernels->fits_some(packings.front(), kProblem, kOneToken));
  const Problem endless{.kind = ProblemKind::qkv, .n = 64, .k = int64_t{1} << 40};
  const auto refused = kernels->fits_some(packings.front(), endless, kOneToken);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("is above"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(kernels->fits_some("none", kProblem, kOneToken));
}

TEST(Report, TheFixedBaselineIsExactAtAwkwardShapes) {
  for (const auto& [n, k] :
       {std::pair<int64_t, int64_t>{2, 1}, {6, 127}, {66, 129}, {130, 2049}, {254, 640}}) {
    for (BnEpilogue epilogue : {BN_SCALED, BN_SCALED_ADD, BN_GATE_UP_SILU}) {
      const auto baseline = fixed_baseline({{.n = n, .k = k, .epilogue = epilogue}}, proved_isa());
      EXPECT_TRUE(baseline.has_value()) << n << "x" << k << ": " << baseline.error().message;
    }
  }
}

}  // namespace
}  // namespace bitnet::report
