// Tuning end to end on small models: the cache that comes out, and the memory that answers the
// second time. No time is asserted.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <set>

#include "codegen/codegen.h"
#include "runtime/base/mapped_file.h"
#include "runtime/kernel/cache.h"
#include "runtime/model/model_file.h"
#include "runtime/session.h"
#include "tests/small_models.h"
#include "tuner/tune.h"

namespace bitnet::tuner {
namespace {

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

}  // namespace
}  // namespace bitnet::tuner
