#include "tools/report/reporter.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "runtime/kernel/cache.h"
#include "tools/report/lineup.h"
#include "tools/report/packings.h"
#include "tuner/tune.h"

namespace bitnet::report {
namespace {

// Scalar kernels take a second for 128 tokens: their time grows with tokens.
constexpr int64_t kScalarTokens = 8;
constexpr int kScalarRounds = 5, kRounds = 15, kCacheRounds = 25;
// A round of one token is short, and the time of a call of some us jumps more.
constexpr int kOneTokenRounds = 45;

class Folder {  // temporary
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "bitnet_report_XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Levels that have kernels of their own, but scalar, which is a column.
std::vector<Isa> levels_of(const IsaSet& isa) {
  std::vector<Isa> levels;
  for (Isa level : isa.levels()) {
    const bool own = std::ranges::any_of(builtin_kernels(), [&](const BuiltinKernel& k) {
      return k.preferred && k.name.isa == level;
    });
    if (own && level != Isa::scalar) levels.push_back(level);
  }
  return levels;
}

// What the search says, with its level; its progress is nobody's.
class OfLevel final : public tuner::Listener {
 public:
  OfLevel(Isa level, const ReportOptions& options) : level_(level), options_(options) {}
  void update(double, const std::string&, double) override {}
  void say(const std::string& line) override {
    options_.say(fmt::format("{}: {}", name(level_), line));
  }

 private:
  Isa level_;
  const ReportOptions& options_;
};

class Reporter {
 public:
  Reporter(const ReportOptions& options, const std::vector<Problem>& problems, const IsaSet& proved,
           ThreadPool pool)
      : options_(options),
        problems_(problems),
        proved_(proved),
        pool_(std::move(pool)),
        scalar_(make_builtin_source(IsaSet{})) {}

  Result<std::vector<Row>> run() {
    BITNET_CHECK(time_scalar());
    const std::vector<Isa> levels = levels_of(proved_);
    if (levels.empty()) return fail(Error::Kind::unsupported, "this CPU has only scalar kernels");
    if (!options_.cache.empty()) {
      BITNET_CHECK(compare_cache(levels.back(), proved_, options_.cache, nullptr, kCacheRounds));
      return std::move(rows_);
    }
    for (Isa level : levels) {
      if (options_.isa && level != *options_.isa) continue;
      const auto begin = std::chrono::steady_clock::now();
      if (auto done = report_level(level); !done)
        return in(std::string(name(level)), std::move(done.error()));
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      options_.say(fmt::format("{}: {:.1f} s", name(level), seconds.count()));
    }
    if (rows_.empty())
      return fail(Error::Kind::unsupported, "--isa {}: this CPU has no kernels of that level",
                  name(*options_.isa));
    return std::move(rows_);
  }

 private:
  Job job(int64_t tokens, int layers, int rounds) const {
    return {.tokens = tokens, .layers = layers, .rounds = rounds, .stop = options_.stop};
  }

  // Seconds of each class's call: where there are many tokens, those of few times as many.
  Result<void> time_scalar() {
    for (const tuner::TokenClass& c : tuner::kBalanced) {
      const int64_t tokens = std::min(c.timed, kScalarTokens);
      BITNET_TRY(const Contender scalar,
                 contender("scalar", *scalar_, *scalar_, problems_, tokens));
      BITNET_TRY(Comparison timed,
                 compare(pool_, problems_, {scalar}, job(tokens, 1, kScalarRounds), IsaSet{}));
      for (Rounds& rounds : timed.seconds.front())
        for (double& seconds : rounds)
          seconds *= static_cast<double>(c.timed) / static_cast<double>(tokens);
      scalar_seconds_.push_back(std::move(timed.seconds.front()));
    }
    return {};
  }

  Result<void> report_level(Isa level) {
    const std::string cache = folder_.path() + "/" + std::string(name(level)) + ".kc";
    OfLevel listener(level, options_);
    const tuner::TuneOptions tuning{.model = options_.model,
                                    .file = options_.file,
                                    .output = cache,
                                    .threads = pool_.size(),
                                    .preset = "quick",
                                    .budget_seconds = options_.budget_seconds,
                                    .isa = level,
                                    .max_trials = options_.max_trials,
                                    .wisdom = tuner::WisdomMode::ignore,
                                    .memory_folder = folder_.path()};
    const auto tuned = tuner::tune(tuning, listener, options_.stop);
    if (options_.stop()) return fail(Error::Kind::interrupted, "interrupted");
    // Nothing timed in the budget is a result, too: built-in kernels stand for tuned ones.
    if (!tuned && tuned.error().kind != Error::Kind::interrupted)
      return std::unexpected(tuned.error());
    const std::vector<tuner::PackingReport> none;
    return compare_cache(level, proved_.limited_to(level), tuned ? cache : "",
                         tuned ? &tuned->packings : &none, kRounds);
  }

  // The kernels of a cache (empty: built-in ones) beside the others, as a run would use them.
  Result<void> compare_cache(Isa level, const IsaSet& isa, const std::string& cache,
                             const std::vector<tuner::PackingReport>* packings, int rounds) {
    const auto builtin = make_builtin_source(isa);
    std::unique_ptr<LoadedCache> loaded;
    if (!cache.empty()) {
      BITNET_TRY(loaded, LoadedCache::load(cache, isa, shape_digest(problems_), pool_.size(),
                                           LoadedCache::How::map));
    }
    BITNET_TRY(const std::optional<Contender> baseline, fixed_baseline(problems_, isa));
    BITNET_TRY(PackingKernels kernels, PackingKernels::create(isa));
    const Sources sources{.builtin = *builtin,
                          .tuned = loaded ? static_cast<const KernelSource&>(*loaded) : *builtin,
                          .baseline = baseline,
                          .packings = packings};
    for (size_t c = 0; c < tuner::kBalanced.size(); ++c)
      BITNET_CHECK(compare_class(level, isa, sources, c, rounds, kernels));
    return {};
  }

  Result<void> compare_class(Isa level, const IsaSet& isa, const Sources& sources, size_t c,
                             int rounds, PackingKernels& kernels) {
    const tuner::TokenClass& of_class = tuner::kBalanced[c];
    BITNET_TRY(const Lineup lineup, line_up(sources, problems_, of_class, isa, kernels));
    const bool one = of_class.timed == 1;
    const int layers = one ? problems_.front().count : 1;
    if (one && options_.cache.empty()) rounds = kOneTokenRounds;
    BITNET_TRY(const Comparison timed, compare(pool_, problems_, lineup.contenders,
                                               job(of_class.timed, layers, rounds), isa));
    for (Row& row : rows_of(lineup, timed, problems_, scalar_seconds_[c], level, of_class.timed))
      rows_.push_back(std::move(row));
    return {};
  }

  const ReportOptions& options_;
  const std::vector<Problem>& problems_;
  const IsaSet& proved_;
  ThreadPool pool_;
  std::unique_ptr<KernelSource> scalar_;
  Folder folder_;
  std::vector<std::vector<Rounds>> scalar_seconds_;  // [class][problem]
  std::vector<Row> rows_;
};

}  // namespace

Result<std::vector<Row>> make_rows(const ReportOptions& options,
                                   const std::vector<Problem>& problems, const IsaSet& proved,
                                   ThreadPool pool) {
  return Reporter(options, problems, proved, std::move(pool)).run();
}

}  // namespace bitnet::report
