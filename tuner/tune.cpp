#include "tuner/tune.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <new>
#include <numeric>
#include <optional>

#include "runtime/cpu/topology.h"
#include "runtime/kernel/cache.h"
#include "tuner/cache_file.h"
#include "tuner/choices.h"
#include "tuner/memory.h"
#include "tuner/model_trits.h"
#include "tuner/retime.h"
#include "tuner/shaped_kernels.h"

namespace bitnet::tuner {
namespace {

using Clock = std::chrono::steady_clock;

// A replay of one token goes through all layers, or as many as are surely not cached.
constexpr int64_t kReplayBytes = int64_t{640} << 20;
// A kernel that re-timed slower than the built-in one by more than this (and its noise) is left out
// of the plan.
constexpr double kSlower = 0.01;

class Tuning {
 public:
  Tuning(const TuneOptions& options, Listener& progress, const std::function<bool()>& stop)
      : options_(options), progress_(progress), stop_(stop) {}

  Result<Report> run() {
    BITNET_CHECK(read_model());
    BITNET_CHECK(look_around());
    BITNET_CHECK(find_files());
    BITNET_CHECK(make_input());
    BITNET_TRY(const bool known, answer_from_memory());
    if (!known) {
      if (options_.wisdom == WisdomMode::require) {
        return fail(Error::Kind::not_found,
                    "{}: wisdom does not know all of this model's shapes for {} threads",
                    options_.model, input_->pool.size());
      }
      BITNET_CHECK(search());
    }
    BITNET_CHECK(write_cache());
    report_.seconds = seconds_since_start();
    return std::move(report_);
  }

 private:
  double seconds_since_start() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

  Result<void> read_model() {
    BITNET_TRY(model_, ModelFile::open(options_.model, options_.file));
    for (const std::string& notice : model_.notices) progress_.say("note: " + notice);
    problems_ = problems_of(model_.hparams.linear_shapes());
    return {};
  }

  // The machine, the levels that may be used, the templates that they have.
  Result<void> look_around() {
    BITNET_TRY(preset_, find_preset(options_.preset));
    if (options_.max_trials) preset_.candidates = *options_.max_trials;
    if (options_.budget_seconds) preset_.budget_seconds = *options_.budget_seconds;
    const IsaSet proved = proved_isa();
    machine_ = this_machine(proved);
    isa_ = options_.isa ? proved.limited_to(*options_.isa) : proved;
    if (options_.isa && !isa_.has(*options_.isa)) {
      return fail(Error::Kind::unsupported, "--isa {}: this CPU has only {}", name(*options_.isa),
                  machine_.isa_levels);
    }
    levels_ = search_levels(isa_, codegen::templates());
    if (levels_.empty())
      return fail(Error::Kind::unsupported, "no kernel template for any of {}",
                  machine_.isa_levels);
    return {};
  }

  Result<void> find_files() {
    const std::string usual = default_cache_path(machine_, shape_digest(problems_));
    cache_path_ = options_.output.empty() ? usual : options_.output;
    if (cache_path_.empty()) {
      return fail(Error::Kind::not_found,
                  "neither XDG_CACHE_HOME nor HOME names a folder for kernel caches: use -o FILE");
    }
    // The usual place is ours, whatever damage lies there.
    BITNET_CHECK(check_cache_output(
        cache_path_,
        {.inputs = {options_.model}, .force = options_.force || options_.output.empty()}));
    std::string folder = options_.memory_folder;
    if (folder.empty() && !usual.empty())
      folder = std::filesystem::path(usual).parent_path().string();
    std::vector<std::string> notices;
    memory_ = Memory::open(folder, machine_.id(), notices);
    for (const std::string& notice : notices) progress_.say("note: " + notice);
    return {};
  }

  Result<void> make_input() {
    const int threads = options_.threads > 0 ? options_.threads : default_thread_count();
    BITNET_TRY(ThreadPool pool, ThreadPool::start(threads));
    pool_ = std::make_unique<ThreadPool>(std::move(pool));
    BITNET_TRY(jit_, codegen::Jit::create());
    shaped_ = std::make_unique<ShapedKernels>(*pool_, *jit_, problems_);
    builtin_ = make_builtin_source(isa_);
    std::vector<ProblemKernels> builtin;
    int64_t layer_bytes = 0, all_bytes = 0;
    for (const Problem& problem : problems_) {
      BITNET_TRY(ProblemKernels kernels, builtin_->find(problem));
      const int64_t bytes = class_of(kernels, 1).sizes.packed_bytes;
      layer_bytes += bytes;
      all_bytes += bytes * problem.count;
      builtin.push_back(std::move(kernels));
    }
    const int layers = problems_.front().count;
    const auto enough =
        static_cast<int>(std::min<int64_t>(layers, (kReplayBytes + layer_bytes - 1) / layer_bytes));
    // Weights that fit the last cache are read from there token after token.
    const bool fits = !machine_.cache_bytes.empty() && all_bytes < machine_.cache_bytes.back();

    input_ = std::make_unique<SearchInput>(SearchInput{
        .pool = *pool_,
        .jit = *jit_,
        .problems = problems_,
        .trits = {},
        .builtin = std::move(builtin),
        .classes = token_classes(codegen::templates(), levels_),
        .candidates = {},
        .preset = preset_,
        .layers = std::max(1, enough),
        .stop = stop_,
        .seconds_left =
            [this] { return preset_.budget_seconds - (seconds_since_start() - search_began_); },
        .remember = [this](std::span<const Record> records) { note(memory_.remember(records)); },
        .key = {.machine = machine_.id(),
                .isa = std::string(name(levels_.front())),
                .threads = threads,
                .residency = fits ? "cache" : "memory"},
        .progress = progress_});
    for (const Problem& problem : problems_)
      input_->trits.push_back(trits_of(model_.layers.front(), problem.kind));
    for (int64_t m_min : input_->classes) {
      input_->candidates.push_back(candidates(codegen::templates(), levels_, m_min,
                                              class_of(input_->builtin.front(), m_min).name,
                                              preset_.candidates));
    }
    report_ = {.model = options_.model,
               .cache_path = cache_path_,
               .isa = input_->key.isa,
               .preset = options_.preset,
               .residency = input_->key.residency,
               .tool_version = BITNET_VERSION,
               .llvm_version = codegen::llvm_version(),
               .machine = machine_,
               .threads = threads};
    return {};
  }

  void note(const Result<void>& result) {
    if (!result && !noted_) progress_.say("note: " + result.error().message);
    noted_ = noted_ || !result;
  }

  RecordKey key_of(size_t p, int64_t m_min) const {
    RecordKey key = input_->key;
    key.problem = problems_[p];
    key.m_min = m_min;
    return key;
  }

  // All classes of all problems, each by the template it was chosen from, one packing a problem:
  // else nothing.
  Result<bool> answer_from_memory() {
    if (options_.wisdom == WisdomMode::ignore) return false;
    std::vector<std::vector<const Record*>> records(input_->classes.size());
    std::vector<std::vector<std::optional<Candidate>>> wanted(input_->classes.size());
    for (size_t c = 0; c < input_->classes.size(); ++c) {
      for (size_t p = 0; p < problems_.size(); ++p) {
        const Record* record = memory_.choice(key_of(p, input_->classes[c]), preset_.name.data());
        if (record == nullptr) return false;
        const auto candidate = candidate_of(*record, isa_);
        if (!candidate) return false;
        records[c].push_back(record);
        wanted[c].push_back(candidate);
        if (c > 0 && wanted[c][p]->packing_key != wanted[0][p]->packing_key) return false;
      }
    }
    choices_.resize(problems_.size());
    for (size_t c = 0; c < wanted.size(); ++c) {
      BITNET_TRY(const std::vector<const Compiled*> shaped,
                 shaped_->compile(input_->classes[c], wanted[c]));
      for (size_t p = 0; p < problems_.size(); ++p) {
        if (shaped[p] == nullptr) return false;
        choices_[p].classes.push_back(shaped[p]);
        add_row(p, c, *records[c][p]);
      }
    }
    report_.roof_gigabytes_per_second = roof_of(report_);
    return true;
  }

  // The kernels of choices_[problems] again, each for its shape.
  Result<void> give_shapes(const std::vector<size_t>& problems) {
    for (size_t c = 0; c < input_->classes.size(); ++c) {
      std::vector<std::optional<Candidate>> wanted(problems_.size());
      for (size_t p : problems) {
        if (!choices_[p].classes.empty()) wanted[p] = choices_[p].classes[c]->candidate;
      }
      BITNET_TRY(const std::vector<const Compiled*> shaped,
                 shaped_->compile(input_->classes[c], wanted));
      for (size_t p : problems) {
        if (!wanted[p]) continue;
        choices_[p].classes[c] = shaped[p];
        if (shaped[p] == nullptr) choices_[p].classes.clear();
      }
    }
    return {};
  }

  void add_row(size_t p, size_t c, const Record& record) {
    report_.rows.push_back(
        {.problem = problems_[p],
         .m_min = input_->classes[c],
         .tokens = timed_tokens(input_->classes[c]),
         .kernel = record.key.kernel,
         .builtin = to_string(class_of(input_->builtin[p], input_->classes[c]).name),
         .nanoseconds = record.nanoseconds,
         .builtin_nanoseconds = record.builtin_nanoseconds,
         .error = record.error,
         .packed_bytes = choices_[p].classes[c]->sizes.packed_bytes,
         .roof_share = record.roof_share,
         .candidates = record.candidates,
         .from_log = true});
  }

  static double roof_of(const Report& report) {
    for (const ReportRow& row : report.rows) {
      if (row.roof_share > 0) return row.gigabytes_per_second() / row.roof_share;
    }
    return 0;
  }

  Result<void> search() {
    result_ = {};
    report_.rows.clear();
    choices_.clear();
    search_began_ = seconds_since_start();
    BITNET_TRY(result_, search_packings(*input_));
    // A kernel that computes wrongly is a bug and no reason to go without a cache: it is not used,
    // and said.
    for (const std::string& refused : result_.refused) {
      if (result_.wrong > 0) progress_.say("note: refused " + refused);
    }
    choices_ = std::move(result_.choices);
    std::vector<size_t> every(problems_.size());
    std::iota(every.begin(), every.end(), size_t{0});
    BITNET_CHECK(give_shapes(every));
    const int rounds = std::max(6, preset_.final_samples);
    BITNET_TRY(RetimedPlan retimed, retime(*input_, choices_, rounds, isa_));
    report_.samples = result_.samples.all + retimed.samples.all;
    report_.disturbed_samples = result_.samples.disturbed + retimed.samples.disturbed;
    report_.roof_gigabytes_per_second = 1e-9 * retimed.roof_bytes_per_second;
    BITNET_CHECK(drop_slower(retimed));
    keep_choices(retimed);
    return {};
  }

  // What re-timed slower than built-in gives way to the built-in parameters, which are the same
  // code for one shape.
  Result<void> drop_slower(RetimedPlan& retimed) {
    std::vector<size_t> dropped;
    for (size_t p = 0; p < problems_.size(); ++p) {
      const bool slower =
          std::ranges::any_of(retimed.classes, [&](const std::vector<Retimed>& of_class) {
            return of_class[p].ratio.ratio > 1 + std::max(kSlower, 2 * of_class[p].ratio.error);
          });
      if (!slower) continue;
      progress_.say(fmt::format("note: {}: built-in parameters are kept", describe(problems_[p])));
      dropped.push_back(p);
      choices_[p] = result_.defaults[p];
      if (choices_[p].classes.size() != input_->classes.size()) choices_[p].classes.clear();
      for (std::vector<Retimed>& of_class : retimed.classes) {
        of_class[p].roof_share *= of_class[p].seconds / of_class[p].builtin_seconds;
        of_class[p].seconds = of_class[p].builtin_seconds;
        of_class[p].ratio.ratio = 1;
      }
    }
    return give_shapes(dropped);
  }

  // Rows of the report and records of the log.
  void keep_choices(const RetimedPlan& retimed) {
    std::vector<Record> records;
    for (size_t c = 0; c < input_->classes.size(); ++c) {
      for (size_t p = 0; p < problems_.size(); ++p) {
        const Retimed& timed = retimed.classes[c][p];
        const ClassKernel& builtin = class_of(input_->builtin[p], timed_tokens(input_->classes[c]));
        const bool kept = choices_[p].classes.empty();
        const Candidate* candidate = kept ? nullptr : &choices_[p].classes[c]->candidate;
        const int tried = result_.tried[input_->classes[c]] / static_cast<int>(problems_.size());
        report_.rows.push_back({.problem = problems_[p],
                                .m_min = input_->classes[c],
                                .tokens = timed_tokens(input_->classes[c]),
                                .kernel = to_string(kept ? builtin.name : candidate->name),
                                .builtin = to_string(builtin.name),
                                .nanoseconds = 1e9 * timed.seconds,
                                .builtin_nanoseconds = 1e9 * timed.builtin_seconds,
                                .error = timed.ratio.error,
                                .packed_bytes = kept ? builtin.sizes.packed_bytes
                                                     : choices_[p].classes[c]->sizes.packed_bytes,
                                .roof_share = timed.roof_share,
                                .candidates = tried,
                                .pruned = result_.pruned[input_->classes[c]],
                                .from_log = false});
        if (kept) continue;
        records.push_back(choice_record(key_of(p, input_->classes[c]), *candidate, timed,
                                        options_.preset, tried));
      }
    }
    // What was cut short is good enough for a cache, but no answer for next time.
    if (stop_()) return;
    note(memory_.remember(records));
    note(memory_.save_wisdom());
  }

  const ReportRow& row_of(size_t p, size_t c) const {
    return report_.rows[c * problems_.size() + p];
  }

  Result<void> write_cache() {
    Plan plan{.threads = pool_->size(), .objective = input_->key.objective};
    for (size_t p = 0; p < problems_.size(); ++p) {
      if (choices_[p].classes.empty()) continue;
      PlannedProblem& planned = plan.problems.emplace_back(PlannedProblem{.problem = problems_[p]});
      for (size_t c = 0; c < input_->classes.size(); ++c) {
        const Compiled& kernel = *choices_[p].classes[c];
        const bool last = c + 1 == input_->classes.size();
        planned.classes.push_back({.m_min = input_->classes[c],
                                   .m_max = last ? kAnyTokens : input_->classes[c + 1] - 1,
                                   .object = kernel.object.get(),
                                   .packing_key = kernel.candidate.packing_key,
                                   .form = kernel.candidate.form,
                                   .sizes = kernel.sizes,
                                   .nanoseconds = row_of(p, c).nanoseconds,
                                   .builtin_nanoseconds = row_of(p, c).builtin_nanoseconds,
                                   .roof_share = row_of(p, c).roof_share});
      }
    }
    if (plan.problems.empty()) {
      return fail(Error::Kind::interrupted,
                  "interrupted before any kernel was timed: no cache is written");
    }
    std::vector<std::string> notices;
    const auto written = write_cache_file(cache_path_, plan, machine_, isa_, problems_, notices);
    for (const std::string& notice : notices) progress_.say("note: " + notice);
    return written;
  }

  const TuneOptions& options_;
  Listener& progress_;
  const std::function<bool()>& stop_;
  const Clock::time_point start_ = Clock::now();
  double search_began_ = 0;

  ModelFile model_;
  std::vector<Problem> problems_;
  Preset preset_{};
  Machine machine_;
  IsaSet isa_;
  std::vector<Isa> levels_;
  std::string cache_path_;
  Memory memory_;
  bool noted_ = false;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<codegen::Jit> jit_;
  std::unique_ptr<ShapedKernels> shaped_;
  std::unique_ptr<KernelSource> builtin_;
  std::unique_ptr<SearchInput> input_;
  SearchResult result_;
  std::vector<ProblemChoice> choices_;
  Report report_;
};

}  // namespace

Result<Report> tune(const TuneOptions& options, Listener& progress,
                    const std::function<bool()>& stop) {
  try {
    return Tuning(options, progress, stop).run();
  } catch (const std::bad_alloc&) {
    return fail(Error::Kind::io, "{}: not enough memory to tune it", options.model);
  }
}

}  // namespace bitnet::tuner
