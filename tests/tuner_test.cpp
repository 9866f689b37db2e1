// Tuning end to end on small models: candidates, checks, the search with made-up times, the cache
// that comes out, and the memory that answers the second time. No time is asserted.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>

#include "runtime/base/mapped_file.h"
#include "runtime/kernel/cache.h"
#include "runtime/kernel/reference.h"
#include "runtime/model/model_file.h"
#include "runtime/session.h"
#include "tests/small_models.h"
#include "tools/report/compare.h"
#include "tuner/candidates.h"
#include "tuner/check.h"
#include "tuner/prune.h"
#include "tuner/search.h"
#include "tuner/tune.h"

namespace bitnet::tuner {
namespace {

std::vector<Isa> best_levels() { return search_levels(proved_isa(), codegen::templates()); }

KernelName builtin_name(int64_t tokens) {
  const auto source = make_builtin_source(proved_isa().limited_to(best_levels().front()));
  const auto kernels = source->find(
      {.kind = ProblemKind::qkv, .n = 768, .k = 256, .epilogue = BN_SCALED, .count = 1});
  for (const ClassKernel& c : kernels->classes) {
    if (tokens <= c.m_max) return c.name;
  }
  return {};
}

TEST(Candidates, TheBuiltInDefaultComesFirstAndLimitsKeepTheNearest) {
  const auto levels = best_levels();
  for (const TokenClass& c : kBalanced) {
    const KernelName builtin = builtin_name(c.timed);
    const auto all = candidates(codegen::templates(), levels, c, builtin, 100000, {}, {}).kept;
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.front().name, builtin);
    EXPECT_EQ(all.front().complexity, 0);
    const auto few = candidates(codegen::templates(), levels, c, builtin, 5, {}, {}).kept;
    EXPECT_LE(few.size(), 5U);
    EXPECT_EQ(few.front().name, builtin);
    for (const Candidate& each : all) {
      EXPECT_EQ(parse_kernel_name(to_string(each.name)).value(), each.name);
      EXPECT_TRUE(c.is_covered(each.m_min, each.m_max)) << to_string(each.name);
    }
  }
}

TEST(Candidates, EveryLevelOfTheCpuIsTriedTheBestFirst) {
  IsaSet both;  // two branches of the tree
  both.add(Isa::avx512vnni);
  both.add(Isa::avxvnni);
  const auto levels = search_levels(both, codegen::templates());
  EXPECT_EQ(levels,
            (std::vector{Isa::avx512vnni, Isa::avxvnni, Isa::avx2, Isa::ssse3, Isa::scalar}));
  EXPECT_EQ(search_levels(both.limited_to(Isa::avx2), codegen::templates()),
            (std::vector{Isa::avx2, Isa::ssse3, Isa::scalar}));
  const auto builtin = make_builtin_source(both)->find(
      {.kind = ProblemKind::qkv, .n = 768, .k = 256, .epilogue = BN_SCALED, .count = 1});
  ASSERT_TRUE(builtin);
  for (size_t c : {size_t{0}, size_t{1}}) {
    const auto few = candidates(codegen::templates(), levels, kBalanced[c],
                                builtin->classes[c].name, find_preset("normal")->candidates, {}, {})
                         .kept;
    EXPECT_EQ(few.front().name, builtin->classes[c].name);
    for (Isa level : {Isa::avxvnni, Isa::avx2}) {
      EXPECT_TRUE(std::ranges::any_of(few, [&](const Candidate& candidate) {
        return candidate.name.isa == level && candidate.changes == 0;
      })) << name(level);
    }
  }
}

// products: of an iteration of its loop; 0 unknown.
Compiled made_up(const std::string& kernel, int complexity, int64_t products, double cycles,
                 int spills) {
  BnFacts facts{};
  facts.loop_products = products;
  codegen::Object object;
  object.report = {.code_bytes = 0, .stack_bytes = 0, .spills = spills, .cycles = cycles};
  return {.problem = 0,
          .candidate = {.name = parse_kernel_name(kernel).value(),
                        .packing_key = {},
                        .form = {},
                        .hash = {},
                        .complexity = complexity},
          .object = std::make_shared<const codegen::Object>(std::move(object)),
          .facts = facts,
          .sizes = {},
          .functions = {}};
}

std::vector<std::string> left_after(Pruner pruner, std::vector<Compiled> kernels, size_t pruned) {
  Compilation compilation;
  compilation.kernels = std::move(kernels);
  pruner.prune(compilation);
  EXPECT_EQ(compilation.doubted.size(), pruned);
  std::vector<std::string> names;
  for (const Compiled& kernel : compilation.kernels)
    names.push_back(to_string(kernel.candidate.name));
  return names;
}

TEST(Prune, DropsWhatCostsFarMoreThanTheLeastOfItsTemplateButNeverTheBuiltIn) {
  // 8 cycles for 32 rows are the least; r16 at the same cycles costs twice as much.
  const std::vector<Compiled> gemv{made_up("gemv_t2_avx512vnni__r16_s4_u1", 1, 256, 8, 0),
                                   made_up("gemv_t2_avx512vnni__r32_s4_u1", 1, 512, 8, 0),
                                   made_up("gemv_t2_avx512vnni__r32_s1_u1", 0, 512, 40, 0),
                                   made_up("gemv_t2_avx2__r16_s2_u1", 1, 256, 60, 0)};
  EXPECT_EQ(left_after(Pruner(1, false), gemv, 1),
            (std::vector<std::string>{"gemv_t2_avx512vnni__r32_s4_u1",
                                      "gemv_t2_avx512vnni__r32_s1_u1", "gemv_t2_avx2__r16_s2_u1"}));
  EXPECT_EQ(left_after(Pruner(1, true), gemv, 0).size(), 4U);  // memory waits for none of them
  // Stack accesses cost something; where nothing is known of a loop, far more of them are too many.
  EXPECT_EQ(left_after(Pruner(2, true),
                       {made_up("small_t2_avxvnni__r16_t16_c5_u1", 0, 1280, 40, 0),
                        made_up("small_t2_avxvnni__r16_t16_c6_u1", 1, 1536, 48, 12),
                        made_up("small_t2_avxvnni__r16_t16_c8_u1", 1, 2048, 62, 150),
                        made_up("batch_t2_avx2__r16_t8_c8_b32_k32_u1", 1, 0, 30, 4),
                        made_up("batch_t2_avx2__r16_t16_c8_b32_k32_u1", 1, 0, 30, 80)},
                       2),
            (std::vector<std::string>{"small_t2_avxvnni__r16_t16_c5_u1",
                                      "small_t2_avxvnni__r16_t16_c6_u1",
                                      "batch_t2_avx2__r16_t8_c8_b32_k32_u1"}));
}

TEST(Prune, OnlyForCpusThatLlvmHasAModelOf) {
  for (const char* cpu : {"znver3", "znver5", "sapphirerapids", "icelake-server", "neoverse-n1"})
    EXPECT_TRUE(codegen::has_cost_model(cpu)) << cpu;
  for (const char* cpu : {"generic", "x86-64", "x86-64-v3", "nocona", ""})
    EXPECT_FALSE(codegen::has_cost_model(cpu)) << cpu;
}

TEST(Candidates, PresetsGrow) {
  EXPECT_LT(find_preset("quick")->candidates, find_preset("normal")->candidates);
  EXPECT_LT(find_preset("normal")->budget_seconds, find_preset("thorough")->budget_seconds);
  EXPECT_FALSE(find_preset("sloppy").has_value());
}

// The reference with one result in a thousand off by one, or with a write beside its part.
BnRunFn* const kReferenceRun = reference_functions().run;
void wrong_run(const BnRun* run) {
  kReferenceRun(run);
  if (run->epilogue == BN_INT32) static_cast<int32_t*>(run->y)[run->n1 - 1] += 1;
}
void straying_run(const BnRun* run) {
  kReferenceRun(run);
  if (run->n0 > 0) static_cast<int32_t*>(run->y)[0] = 0;
}

TEST(Checker, AcceptsTheReferenceAndRefusesWrongResultsAndStrayWrites) {
  const Problem problem{
      .kind = ProblemKind::gate_up, .n = 198, .k = 300, .epilogue = BN_GATE_UP_RELU2, .count = 1};
  KernelFunctions functions = reference_functions();
  BnSizes sizes{};
  functions.sizes(problem.n, problem.k, &sizes);
  for (int64_t m_min : {1, 2}) {
    Checker checker(problem, m_min, m_min == 1 ? 1 : kAnyTokens);
    functions.run = kReferenceRun;
    EXPECT_TRUE(checker.check("right", sizes, functions).has_value());
    functions.run = wrong_run;
    EXPECT_FALSE(checker.check("wrong", sizes, functions).has_value());
    functions.run = straying_run;
    const auto stray = checker.check("straying", sizes, functions);
    ASSERT_FALSE(stray.has_value());
    EXPECT_NE(stray.error().message.find("outside its part"), std::string::npos)
        << stray.error().message;
    sizes.exact_k = 299;
    EXPECT_TRUE(checker.check("short", sizes, functions)
                    .error()
                    .message.ends_with("is above 299, up to which its sums are exact"));
    sizes.exact_k = BN_MAX_K;
    functions.facts = [](BnFacts* facts) { facts->unfit = BN_UNFIT_CODE; };
    EXPECT_EQ(checker.check("never", sizes, functions).error().message,
              "never: its largest code is above what its level multiplies");
    functions.facts = reference_functions().facts;
  }
}

TEST(Search, TimesEveryProblemInOneReplayAndFindsEachBest) {
  const std::vector<std::vector<double>> truth{{1.0, 0.7, 0.9}, {1.2, 1.0, 1.1, 0.6}};
  std::vector<Halving> halvings;
  halvings.emplace_back(std::vector<int>{0, 1, 1}, HalvingOptions{});
  halvings.emplace_back(std::vector<int>{0, 1, 1, 2}, HalvingOptions{});
  std::mt19937 random(3);
  std::normal_distribution<double> noise(1, 0.01);
  int replays = 0;
  play(halvings, {0, 0},
       [&](const std::vector<std::optional<size_t>>& arms) -> Sample {
         ++replays;
         std::vector<double> ratios;
         for (size_t p = 0; p < arms.size(); ++p)
           ratios.push_back((arms[p] ? truth[p][*arms[p]] : 1.0) * noise(random));
         return {.ratios = ratios};
       },
       {.stop = [] { return false; }, .progress = [](double) {}});
  EXPECT_EQ(halvings[0].winner(), 1U);
  EXPECT_EQ(halvings[1].winner(), 3U);
  EXPECT_LT(replays, 70);  // as many as the longer one needs, not the sum
}

TEST(Search, StopsWhenToldAndGivesUpOnHopelessPackings) {
  std::vector<Halving> halvings;
  halvings.emplace_back(std::vector<int>(8, 1), HalvingOptions{});
  int replays = 0;
  const auto measure = [&](const std::vector<std::optional<size_t>>&) -> Sample {
    ++replays;
    return {.ratios = {1.5}};
  };
  play(halvings, {1.0}, measure, {.stop = [] { return false; }, .progress = [](double) {}});
  EXPECT_EQ(replays, 8 * 3);  // one stage: half again slower than what another packing reached
  std::vector<Halving> stopped;
  stopped.emplace_back(std::vector<int>(8, 1), HalvingOptions{});
  replays = 0;
  play(stopped, {0}, measure, {.stop = [&] { return replays >= 5; }, .progress = [](double) {}});
  EXPECT_EQ(replays, 5);
}

class TuneSmallModel : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitnet_tune_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    options_ = {.model = small_model_files().path(kSmallModels[0]),
                .output = folder_ + "/a.kc",
                .threads = 1,
                .preset = "quick",
                .budget_seconds = 0.2,
                .max_trials = 2,
                .memory_folder = folder_};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<Report> run() {
    SilentListener quiet;
    return tune(options_, quiet, [this] { return stop_; });
  }

  // Bits of all logits of a short prompt.
  static std::vector<uint32_t> logits(const ModelOptions& options, const std::string& path,
                                      std::string* kernels = nullptr) {
    auto model = Model::load(path, options);
    EXPECT_TRUE(model.has_value()) << model.error().message;
    if (kernels != nullptr) *kernels = model->kernels_in_use();
    Sequence sequence = model->sequence(64).value();
    std::vector<TokenRequest> requests;
    for (int32_t i = 0; i < 21; ++i)
      requests.push_back({&sequence, i * 13 % 300, {.kind = Want::Kind::all, .k = 0}});
    std::vector<uint32_t> bits;
    for (const auto& batch :
         {std::span(requests).first(20), std::span(requests).last(1)}) {  // many tokens, then one
      const auto results = model->evaluate(batch);
      EXPECT_TRUE(results.has_value());
      for (const TokenResult& r : *results) {
        for (float v : r.all) bits.push_back(std::bit_cast<uint32_t>(v));
      }
    }
    return bits;
  }

  std::string folder_;
  TuneOptions options_;
  bool stop_ = false;
};

TEST_F(TuneSmallModel, TheCacheGivesTheReferencesBits) {
  for (const SmallModel& small : kSmallModels) {
    options_.model = small_model_files().path(small);
    options_.output = folder_ + "/" + small.name + ".kc";
    const auto report = run();
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->rows.size(), 8U);
    EXPECT_NE(to_table(*report).find("all layers, 1 token"), std::string::npos);
    ModelOptions tuned, reference;
    tuned.threads = reference.threads = 1;
    tuned.cache_path = options_.output;
    reference.kernels = KernelChoice::reference;
    std::string kernels;
    EXPECT_EQ(logits(tuned, options_.model, &kernels), logits(reference, options_.model))
        << small.name;
    EXPECT_NE(kernels.find("tuned"), std::string::npos) << kernels;
  }
}

// Real times of every family of packings for every class of tokens, and a reason wherever there is
// none.
TEST_F(TuneSmallModel, EveryFamilyOfPackingsIsTimed) {
  options_.budget_seconds = 60;  // it ends by itself long before
  options_.max_trials.reset();
  const auto report = run();
  ASSERT_TRUE(report.has_value()) << report.error().message;
  std::set<std::string> timed;
  std::string reasons;
  for (const PackingReport& p : report->packings) {
    if (!p.reason.empty()) reasons += fmt::format("{}, {}: {}\n", p.packing, p.tokens, p.reason);
    EXPECT_NE(p.kernel.empty(), p.reason.empty()) << p.packing;
    EXPECT_EQ(p.kernel.empty(), p.nanoseconds == 0) << p.packing;
    if (!p.kernel.empty()) timed.insert(p.packing.substr(0, p.packing.find('_')) + " " + p.tokens);
  }
  EXPECT_EQ(timed, (std::set<std::string>{"t2 1", "t2 2+", "tl1 1", "tl1 2+", "tl2 1", "tl2 2+"}))
      << reasons;
}

// The best level is tuned by the other tests; all of them with BITNET_FULL=1.
TEST_F(TuneSmallModel, LevelsOfThisMachine) {
  const bool full = std::getenv("BITNET_FULL") != nullptr;
  ModelOptions reference;
  reference.kernels = KernelChoice::reference;
  const auto want = logits(reference, options_.model);
  for (Isa level : proved_isa().levels()) {
    // The others have no templates of their own and take their parent's.
    if (!std::ranges::any_of(codegen::templates(), [&](const auto& t) { return t.isa == level; }))
      continue;
    if (!full && level != Isa::scalar && level != Isa::avx2 && level != Isa::neon) continue;
    options_.isa = level;
    options_.budget_seconds = 0.1;
    options_.max_trials = 1;
    options_.output = folder_ + "/" + std::string(name(level)) + ".kc";
    const auto report = run();
    ASSERT_TRUE(report.has_value()) << name(level) << ": " << report.error().message;
    ModelOptions tuned;
    tuned.threads = 1;
    tuned.isa = level;
    tuned.cache_path = options_.output;
    EXPECT_EQ(logits(tuned, options_.model), want) << name(level);
  }
}

TEST_F(TuneSmallModel, TheSecondRunAnswersFromMemory) {
  options_.wisdom = WisdomMode::require;
  EXPECT_EQ(run().error().kind, Error::Kind::not_found);
  options_.wisdom = WisdomMode::use;
  const auto first = run();
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_FALSE(first->rows.front().from_log);
  options_.wisdom = WisdomMode::require;
  std::filesystem::remove(options_.output);
  for (bool without_wisdom : {false, true}) {  // wisdom may be thrown away: the log has it all
    if (without_wisdom) std::filesystem::remove(folder_ + "/wisdom");
    const auto second = run();
    ASSERT_TRUE(second.has_value()) << second.error().message;
    for (size_t i = 0; i < second->rows.size(); ++i) {
      EXPECT_TRUE(second->rows[i].from_log);
      EXPECT_EQ(second->rows[i].kernel, first->rows[i].kernel);
    }
    EXPECT_TRUE(std::filesystem::exists(options_.output));
  }
  options_.preset = "normal";  // asks for more effort than was spent
  EXPECT_FALSE(run().has_value());
}

TEST_F(TuneSmallModel, PlansForOtherThreadCountsAreKept) {
  for (int threads : {1, 2, 1}) {
    options_.threads = threads;
    const auto report = run();
    ASSERT_TRUE(report.has_value()) << report.error().message;
  }
  const auto file = MappedFile::open(options_.output);
  ASSERT_TRUE(file.has_value());
  const auto model = ModelFile::open(options_.model);
  const auto manifest = vet_cache(file->bytes(), proved_isa(),
                                  shape_digest(problems_of(model->hparams.linear_shapes())));
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message;
  ASSERT_EQ(manifest->plans.size(), 2U);
  EXPECT_NE(manifest->plans[0].threads, manifest->plans[1].threads);
}

TEST_F(TuneSmallModel, WhereNoCacheCanBeWrittenItSaysSoBeforeTheSearch) {
  std::filesystem::create_directories(folder_ + "/folder.kc");
  for (const std::string& output : {folder_ + "/folder.kc", std::string("/dev/null/x.kc")}) {
    options_.output = output;
    const auto report = run();
    ASSERT_FALSE(report.has_value()) << output;
    EXPECT_EQ(report.error().kind, Error::Kind::io);
    EXPECT_TRUE(report.error().message.starts_with(output.substr(0, output.rfind('/'))));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/trials.log"));
  }
}

TEST_F(TuneSmallModel, InterruptedBeforeAnythingWasTimedItWritesNothing) {
  stop_ = true;
  const auto report = run();
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, Error::Kind::interrupted);
  EXPECT_FALSE(std::filesystem::exists(options_.output));
}

TEST(Report, TheFixedBaselineIsExactAtAwkwardShapes) {
  for (const auto& [n, k] :
       {std::pair<int64_t, int64_t>{2, 1}, {6, 127}, {66, 129}, {130, 2049}, {254, 640}}) {
    for (BnEpilogue epilogue : {BN_SCALED, BN_SCALED_ADD, BN_GATE_UP_SILU}) {
      const auto baseline =
          report::fixed_baseline({{ProblemKind::qkv, n, k, epilogue, 1}}, proved_isa());
      EXPECT_TRUE(baseline.has_value()) << n << "x" << k << ": " << baseline.error().message;
    }
  }
}

}  // namespace
}  // namespace bitnet::tuner
