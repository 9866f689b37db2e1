// A packing that nothing but its kernels knows goes all the way: this program's embedded catalogue
// is the tests' b8 instances and nothing else. The tuner finds, compiles, checks, packs and times
// them, a made-up clock lets them win, and the cache that it writes gives the built-in kernels'
// logits bit for bit, for one token and for many.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/model/problem_rows.h"
#include "runtime/session.h"
#include "tests/logits.h"
#include "tests/small_models.h"
#include "tuner/cache_file.h"
#include "tuner/settle.h"
#include "tuner/setup.h"
#include "tuner/shaped_kernels.h"

namespace bitnet::tuner {
namespace {

constexpr double kAsIf = 0.5;  // the share of the built-in kernels' time that b8 takes as if

// Samples are taken; what they say is replaced.
class Favouring final : public Bench {
 public:
  explicit Favouring(std::unique_ptr<Bench> live) : live_(std::move(live)) {}
  Sample ratios(std::span<const Compiled* const> arms) override {
    Sample sample = live_->ratios(arms);
    for (size_t p = 0; p < arms.size(); ++p) sample.ratios[p] = arms[p] ? kAsIf : 1;
    sample.quiet = true;
    return sample;
  }
  std::vector<double> builtin_seconds() const override { return live_->builtin_seconds(); }
  SampleCount count() const override { return live_->count(); }

 private:
  std::unique_ptr<Bench> live_;
};

class FavouringWorkbench final : public Workbench {
 public:
  explicit FavouringWorkbench(Workbench& live) : live_(live) {}
  std::unique_ptr<Compilation> compile(size_t c, std::span<const CompileJob> jobs,
                                       double seconds) override {
    return live_.compile(c, jobs, seconds);
  }
  Result<std::unique_ptr<Bench>> bench(size_t c, std::span<const Compiled> kernels) override {
    BITNET_TRY(std::unique_ptr<Bench> bench, live_.bench(c, kernels));
    return std::make_unique<Favouring>(std::move(bench));
  }
  double seconds_left() const override { return live_.seconds_left(); }
  bool stopped() const override { return live_.stopped(); }

 private:
  Workbench& live_;
};

// One tuning of a model as tune() does it, but for the clock.
class TuningOfTests {
 public:
  TuningOfTests(const std::string& model, const std::string& output)
      : setup_(set_up({.model = model,
                       .output = output,
                       .threads = 1,
                       .preset = "quick",
                       .max_trials = 6,
                       .wisdom = WisdomMode::ignore,
                       .memory_folder = std::filesystem::temp_directory_path()},
                      listener_)
                   .value()),
        shaped_(pool_, *jit_, setup_.problems) {
    const auto source = make_builtin_source(setup_.isa);
    for (const Problem& problem : setup_.problems) {
      builtin_.push_back(source->find(problem).value());
      weights_.push_back(
          problem_rows(setup_.model.layers.front(), problem.kind).weights(problem.group));
    }
  }

  void search() {
    const Lab lab{.pool = pool_,
                  .jit = *jit_,
                  .problems = setup_.problems,
                  .builtin = builtin_,
                  .weights = weights_,
                  .classes = {kBalanced.begin(), kBalanced.end()},
                  .stop = [] { return false; },
                  .seconds_left = [] { return 1e9; }};
    const auto live = LiveWorkbench::create(lab).value();
    FavouringWorkbench workbench(*live);
    found_ = search_packings(input(lab), workbench, listener_);
  }
  const SearchResult& found() const { return found_; }

  void write() {
    const RetimedPlan timed =
        settle({.problems = setup_.problems,
                .classes = classes_,
                .shape = [&](const TokenClass& c,
                             const auto& wanted) { return shaped_.compile(c, wanted); },
                .retime = [&](const auto&) { return retimed(); },
                .listener = listener_},
               found_)
            .value();
    Plan plan = empty_plan(setup_.problems, classes_, builtin_);
    fill(plan, found_, timed);
    std::vector<std::string> notices;
    const auto written = write_cache_file(setup_.cache_path, plan, setup_.machine, setup_.isa,
                                          setup_.problems, notices);
    ASSERT_TRUE(written) << written.error().message;
  }

 private:
  SearchInput input(const Lab& lab) const {
    SearchInput input{.problems = setup_.problems,
                      .builtin = builtin_,
                      .classes = lab.classes,
                      .candidates = {},
                      .preset = setup_.preset,
                      .bytes_allowed = 0,
                      .key = {},
                      .remember = [](auto) {}};
    for (const TokenClass& c : lab.classes)
      input.candidates.push_back(candidates(codegen::templates(), setup_.levels, c,
                                            class_of(builtin_.front(), c.timed).name,
                                            setup_.preset.candidates, {}, setup_.problems));
    return input;
  }
  RetimedPlan retimed() const {
    const Retimed half{.ratio = {.ratio = kAsIf}, .seconds = kAsIf, .builtin_seconds = 1};
    RetimedPlan plan;
    plan.classes.assign(classes_.size(), std::vector(setup_.problems.size(), half));
    return plan;
  }

  SilentListener listener_;
  Setup setup_;
  const std::vector<TokenClass> classes_{kBalanced.begin(), kBalanced.end()};
  ThreadPool pool_ = ThreadPool::start(1).value();
  std::unique_ptr<codegen::Jit> jit_ = codegen::Jit::create().value();
  ShapedKernels shaped_;
  std::vector<ProblemKernels> builtin_;
  std::vector<WeightSource> weights_;
  SearchResult found_;
};

constexpr std::initializer_list<TokenBlock> kTogetherThenOneByOne = {{1, 17}, {20, 1}, {30, 1}};

TEST(AnotherPacking, GoesThroughTunerCacheAndRuntimeToTheSameLogits) {
  const std::string path = small_model_files().path(kSmallModels[0]);
  const std::filesystem::path cache =
      std::filesystem::temp_directory_path() / fmt::format("bitnet-packing-{}.kc", getpid());
  TuningOfTests tuning(path, cache);
  tuning.search();
  for (const ProblemChoice& choice : tuning.found().choices) {
    ASSERT_FALSE(choice.classes.empty());
    for (const Compiled* kernel : choice.classes) EXPECT_EQ(kernel->candidate.name.packing, "b8");
  }
  tuning.write();

  ModelOptions options;
  options.threads = 1;
  options.kernels = KernelChoice::builtin;
  Model builtin = Model::load(path, options).value();
  options.kernels = KernelChoice::automatic;
  options.cache_path = cache;
  Model cached = Model::load(path, options).value();
  std::filesystem::remove(cache);
  EXPECT_TRUE(cached.kernels_in_use().starts_with("tuned kernels of ")) << cached.kernels_in_use();
  EXPECT_EQ(logits_of(cached, kTogetherThenOneByOne), logits_of(builtin, kTogetherThenOneByOne));
}

}  // namespace
}  // namespace bitnet::tuner
