// bitnet-report: scalar, baseline, built-in and tuned kernels, shape by shape: tuned here at every
// level that this CPU can be limited to (scripts/ci-report), or taken from a cache.
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "runtime/base/atomic_file.h"
#include "runtime/base/output_check.h"
#include "runtime/cpu/topology.h"
#include "runtime/kernel/cache.h"
#include "runtime/model/hparams.h"
#include "tools/common/model_options.h"
#include "tools/common/program.h"
#include "tools/report/compare.h"
#include "tools/report/table.h"
#include "tuner/tune.h"

namespace {

using namespace bitnet;
using namespace bitnet::report;

constexpr int64_t kManyTokens = 128;
constexpr int64_t kScalarTokens =
    8;  // scalar kernels take a second for 128: their time grows with tokens
constexpr int kRounds = 9, kCacheRounds = 25;

struct Arguments {
  std::string model{}, cache{}, csv_folder{}, markdown{};
  int threads = 0;
  double budget = 4;
  bool force = false;
  ModelFileOptions file{};
};

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

class Reporter {
 public:
  Reporter(const Arguments& arguments, const std::vector<Problem>& problems, const IsaSet& proved,
           ThreadPool pool)
      : arguments_(arguments),
        problems_(problems),
        proved_(proved),
        pool_(std::move(pool)),
        scalar_(make_builtin_source(IsaSet{})) {}

  Result<std::vector<Row>> run() {
    BITNET_CHECK(time_scalar());
    if (!arguments_.cache.empty()) {
      const std::vector<Isa> levels = levels_of(proved_);
      if (levels.empty()) return fail(Error::Kind::unsupported, "this CPU has only scalar kernels");
      BITNET_CHECK(compare_cache(levels.back(), proved_, arguments_.cache, kCacheRounds));
      return std::move(rows_);
    }
    for (Isa level : levels_of(proved_)) {
      const auto begin = std::chrono::steady_clock::now();
      if (auto done = report_level(level); !done)
        return in(std::string(name(level)), std::move(done.error()));
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      message("{}: {:.1f} s\n", name(level), seconds.count());
    }
    return std::move(rows_);
  }

 private:
  Result<void> time_scalar() {
    for (int64_t tokens : {int64_t{1}, kScalarTokens}) {
      BITNET_TRY(const Contender scalar,
                 contender("scalar", *scalar_, *scalar_, problems_, tokens));
      BITNET_TRY(const Comparison c, compare(pool_, problems_, {scalar}, tokens, 1, 5, IsaSet{}));
      scalar_seconds_.push_back(c.seconds.front());
    }
    for (double& seconds : scalar_seconds_.back())
      seconds *= static_cast<double>(kManyTokens / kScalarTokens);
    return {};
  }

  Result<void> report_level(Isa level) {
    const IsaSet isa = proved_.limited_to(level);
    const std::string cache = folder_.path() + "/" + std::string(name(level)) + ".kc";
    tuner::SilentListener quiet;
    const tuner::TuneOptions options{.model = arguments_.model,
                                     .file = arguments_.file,
                                     .output = cache,
                                     .threads = pool_.size(),
                                     .preset = "quick",
                                     .budget_seconds = arguments_.budget,
                                     .isa = level,
                                     .wisdom = tuner::WisdomMode::ignore,
                                     .memory_folder = folder_.path()};
    auto tuned = tuner::tune(options, quiet, [] { return false; });
    // Nothing faster than built-in is a result, too: the tuned column then repeats the built-in
    // one.
    if (!tuned && tuned.error().kind != Error::Kind::interrupted)
      return std::unexpected(std::move(tuned.error()));
    return compare_cache(level, isa, tuned ? cache : "", kRounds);
  }

  // The kernels of a cache (empty: built-in ones) beside the others, as a run would use them.
  Result<void> compare_cache(Isa level, const IsaSet& isa, const std::string& cache, int rounds) {
    const auto builtin = make_builtin_source(isa);
    std::unique_ptr<LoadedCache> loaded;
    if (!cache.empty()) {
      BITNET_TRY(loaded, LoadedCache::load(cache, isa, shape_digest(problems_), pool_.size(),
                                           LoadedCache::How::map));
    }
    for (int64_t tokens : {int64_t{1}, kManyTokens}) {
      BITNET_CHECK(compare_at(level, isa, *builtin,
                              loaded ? static_cast<KernelSource&>(*loaded) : *builtin, tokens,
                              rounds));
    }
    return {};
  }

  Result<void> compare_at(Isa level, const IsaSet& isa, const KernelSource& builtin,
                          const KernelSource& tuned, int64_t tokens, int rounds) {
    std::vector<Contender> contenders;
    BITNET_TRY(const auto baseline, fixed_baseline(problems_, isa));
    if (baseline) contenders.push_back(*baseline);
    BITNET_TRY(contenders.emplace_back(),
               contender("built-in", builtin, builtin, problems_, tokens));
    BITNET_TRY(contenders.emplace_back(), contender("tuned", tuned, builtin, problems_, tokens));
    const int layers = tokens == 1 ? problems_.front().count : 1;
    BITNET_TRY(const Comparison c,
               compare(pool_, problems_, contenders, tokens, layers, rounds, isa));
    const size_t last = contenders.size() - 1;
    for (size_t p = 0; p < problems_.size(); ++p) {
      const ClassKernel& kernel = contenders[last].kernels[p];
      rows_.push_back({.isa = std::string(name(level)),
                       .problem = problems_[p],
                       .tokens = tokens,
                       .scalar = 1e9 * scalar_seconds_[tokens == 1 ? 0 : 1][p],
                       .baseline = baseline ? 1e9 * c.seconds[0][p] : 0,
                       .builtin = 1e9 * c.seconds[last - 1][p],
                       .tuned = 1e9 * c.seconds[last][p],
                       .tuned_kernel = to_string(kernel.name),
                       .packed_bytes = kernel.sizes.packed_bytes,
                       .roof_share = tokens == 1 ? c.roof_share[p] : 0});
    }
    return {};
  }

  const Arguments& arguments_;
  const std::vector<Problem>& problems_;
  const IsaSet& proved_;
  ThreadPool pool_;
  std::unique_ptr<KernelSource> scalar_;
  Folder folder_;
  std::vector<std::vector<double>> scalar_seconds_;  // [one token, many tokens][problem]
  std::vector<Row> rows_;
};

std::string csv_path(const Arguments& a, const Machine& machine) {
  return a.csv_folder + "/" + file_stem(machine.cpu) + ".csv";
}

// Before minutes are spent.
Result<void> check_outputs(const Arguments& a, const Machine& machine) {
  const OutputPolicy policy{.inputs = {a.model, a.cache}, .force = a.force};
  if (!a.markdown.empty())
    BITNET_CHECK(check_output(
        a.markdown, {.name = "a kernel report", .recognises = looks_like_markdown_report}, policy));
  if (a.csv_folder.empty()) return {};
  BITNET_CHECK(check_distinct(a.markdown, csv_path(a, machine)));
  return check_output(csv_path(a, machine),
                      {.name = "a table of a kernel report", .recognises = looks_like_csv_report},
                      policy);
}

Result<int> run(const Arguments& a) {
  BITNET_TRY(const ModelFile model, ModelFile::open(a.model, a.file));
  print_notices(model.notices);
  const std::vector<Problem> problems = problems_of(model.hparams.linear_shapes());
  const IsaSet proved = proved_isa();
  const int threads = a.threads > 0 ? a.threads : default_thread_count();
  const Header header{.model = std::filesystem::path(a.model).filename().string(),
                      .machine = this_machine(proved),
                      .threads = threads};
  BITNET_CHECK(check_outputs(a, header.machine));
  BITNET_TRY(ThreadPool pool, ThreadPool::start(threads));
  BITNET_TRY(const std::vector<Row> rows, Reporter(a, problems, proved, std::move(pool)).run());
  const std::string markdown = to_markdown(header, rows);
  if (!a.markdown.empty())
    BITNET_CHECK(write_file_atomically(a.markdown, std::as_bytes(std::span(markdown))));
  if (!a.csv_folder.empty()) {
    const std::string csv = to_csv(header, rows), path = csv_path(a, header.machine);
    BITNET_CHECK(write_file_atomically(path, std::as_bytes(std::span(csv))));
    message("wrote {}\n", path);
  }
  BITNET_CHECK(Output().write(markdown));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options("bitnet-report",
                  "Compares scalar, baseline, built-in and tuned kernels: tunes a model at every "
                  "instruction-set level of\nthis CPU, or takes a cache that bitnet-tune wrote "
                  "(--cache).",
                  "bitnet-report " BITNET_VERSION);
  Arguments a;
  options.add_option("model,-m,--model", a.model, "model file (GGUF)")
      ->required()
      ->type_name("FILE");
  options.add_threads(a.threads, "threads");
  options.add_option("--cache", a.cache, "time the kernels of this cache; tune nothing")
      ->type_name("FILE");
  options.add_option("--budget", a.budget, "seconds of search at each level")
      ->check(between(0.1, 3600.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  options.add_option("--csv", a.csv_folder, "also write <cpu>.csv in this folder")
      ->type_name("FOLDER");
  options.add_option("--markdown", a.markdown, "also write the table to this file")
      ->type_name("FILE");
  options.add_flag("--force", a.force,
                   "--csv and --markdown replace whatever is there (default: only their own kind)");
  add_model_file_options(options, a.file);
  return run_program(options, argc, argv, [&] { return run(a); });
}
