#include "tuner/tune.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <numeric>
#include <optional>

#include "runtime/cpu/topology.h"
#include "runtime/model/problem_rows.h"
#include "tuner/cache_file.h"
#include "tuner/choices.h"
#include "tuner/plan.h"
#include "tuner/retime.h"
#include "tuner/setup.h"
#include "tuner/shaped_kernels.h"

namespace bitnet::tuner {
namespace {

using Clock = std::chrono::steady_clock;

// A replay of one token goes through all layers, or as many as are surely not cached.
constexpr int64_t kReplayBytes = int64_t{640} << 20;
// A kernel that re-timed slower than the built-in one by more than this (and its noise) is left out
// of the plan.
constexpr double kSlower = 0.01;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Result<std::vector<ProblemKernels>> builtin_kernels_of(const KernelSource& source,
                                                       const std::vector<Problem>& problems) {
  std::vector<ProblemKernels> kernels;
  for (const Problem& problem : problems) {
    BITNET_TRY(kernels.emplace_back(), source.find(problem));
  }
  return kernels;
}

int64_t bytes_of(const std::vector<ProblemKernels>& kernels, const std::vector<Problem>& problems,
                 bool all_layers) {
  int64_t bytes = 0;
  for (size_t p = 0; p < problems.size(); ++p)
    bytes += class_of(kernels[p], 1).sizes.packed_bytes * (all_layers ? problems[p].count : 1);
  return bytes;
}

// A plan of the right size, whose every problem keeps its built-in kernels.
Plan empty_plan(const Lab& lab, const RecordKey& key) {
  Plan plan{.threads = lab.pool.size(),
            .objective = key.objective,
            .problems = lab.problems,
            .classes = lab.classes};
  for (const TokenClass& c : lab.classes) {
    auto& of_class = plan.entries.emplace_back();
    for (const ProblemKernels& kernels : lab.builtin) {
      const ClassKernel& builtin = class_of(kernels, c.timed);
      of_class.push_back(
          {.builtin = to_string(builtin.name), .builtin_bytes = builtin.sizes.packed_bytes});
    }
  }
  return plan;
}

class Tuning {
 public:
  Tuning(Setup setup, const TuneOptions& options, Listener& listener,
         const std::function<bool()>& stop, ThreadPool pool, std::unique_ptr<codegen::Jit> jit)
      : setup_(std::move(setup)),
        options_(options),
        listener_(listener),
        stop_(stop),
        pool_(std::move(pool)),
        jit_(std::move(jit)),
        shaped_(pool_, *jit_, setup_.problems) {}

  Result<Report> run() {
    BITNET_CHECK(make_lab());
    BITNET_TRY(const bool known, answer_from_memory());
    if (!known) {
      if (options_.wisdom == WisdomMode::require)
        return fail(Error::Kind::not_found,
                    "{}: wisdom does not know all of this model's shapes for {} threads",
                    options_.model, pool_.size());
      BITNET_CHECK(search());
    }
    BITNET_CHECK(write_cache());
    return report();
  }

 private:
  Result<void> make_lab() {
    const auto source = make_builtin_source(setup_.isa);
    BITNET_TRY(builtin_, builtin_kernels_of(*source, setup_.problems));
    const int layers = setup_.problems.front().count;
    const int64_t layer_bytes = bytes_of(builtin_, setup_.problems, false);
    const int64_t enough = (kReplayBytes + layer_bytes - 1) / layer_bytes;
    // Weights that fit the last cache are read from there token after token.
    const auto& caches = setup_.machine.cache_bytes;
    const bool fits = !caches.empty() && bytes_of(builtin_, setup_.problems, true) < caches.back();
    lab_.emplace(Lab{.pool = pool_,
                     .jit = *jit_,
                     .problems = setup_.problems,
                     .builtin = builtin_,
                     .trits = {},
                     .classes = {kBalanced.begin(), kBalanced.end()},
                     .layers = static_cast<int>(std::clamp<int64_t>(enough, 1, layers)),
                     .weights_in_memory = !fits,
                     .stop = stop_,
                     .seconds_left = [this] {
                       return setup_.preset.budget_seconds - seconds_since(search_began_);
                     }});
    for (const Problem& problem : setup_.problems)
      lab_->trits.push_back(problem_rows(setup_.model.layers.front(), problem.kind).trits());
    key_ = {.machine = setup_.machine.id(),
            .isa = std::string(name(setup_.levels.front())),
            .threads = pool_.size(),
            .residency = fits ? "cache" : "memory"};
    plan_ = empty_plan(*lab_, key_);
    return {};
  }

  void note(const Result<void>& result) {
    if (!result && !noted_) listener_.say("note: " + result.error().message);
    noted_ = noted_ || !result;
  }

  const Record* remembered(size_t p, const TokenClass& c) const {
    RecordKey key = key_;
    key.problem = setup_.problems[p];
    key.m_min = c.m_min;
    return setup_.memory.choice(key, setup_.preset.name.data());
  }

  // All classes of all problems, each by the template it was chosen from: else nothing.
  Result<bool> answer_from_memory() {
    if (options_.wisdom == WisdomMode::ignore) return false;
    Plan plan = plan_;
    for (size_t c = 0; c < lab_->classes.size(); ++c) {
      std::vector<std::optional<Candidate>> wanted;
      for (size_t p = 0; p < setup_.problems.size(); ++p) {
        const Record* record = remembered(p, lab_->classes[c]);
        if (record == nullptr) return false;
        if (!wanted.emplace_back(candidate_of(*record, setup_.isa))) return false;
        recall(*record, plan.entries[c][p]);
      }
      BITNET_TRY(const std::vector<const Compiled*> shaped,
                 shaped_.compile(lab_->classes[c], wanted));
      for (size_t p = 0; p < shaped.size(); ++p)
        if ((plan.entries[c][p].kernel = shaped[p]) == nullptr) return false;
    }
    plan_ = std::move(plan);
    return true;
  }

  static void recall(const Record& record, PlanEntry& entry) {
    entry.ratio = {.ratio = record.ratio, .error = record.error, .samples = record.samples};
    entry.seconds = 1e-9 * record.nanoseconds;
    entry.builtin_seconds = 1e-9 * record.builtin_nanoseconds;
    entry.roof_share = record.roof_share;
    entry.tried = record.candidates;
    entry.from_log = true;
  }

  Place place() const {
    return {.cache_bytes = setup_.machine.cache_bytes,
            .weights_in_memory = lab_->weights_in_memory,
            .threads = pool_.size()};
  }

  SearchInput search_input() {
    SearchInput input{.problems = setup_.problems,
                      .builtin = builtin_,
                      .classes = lab_->classes,
                      .candidates = {},
                      .preset = setup_.preset,
                      // The other half is for what else the model and its users need.
                      .bytes_allowed = available_memory_bytes().value_or(0) / 2,
                      .key = key_,
                      .remember = [this](std::span<const Record> records) {
                        note(setup_.memory.remember(records));
                      }};
    for (const TokenClass& c : lab_->classes)
      input.candidates.push_back(candidates(codegen::templates(), setup_.levels, c,
                                            class_of(builtin_.front(), c.timed).name,
                                            setup_.preset.candidates, place(), setup_.problems));
    for (const Candidates& of_class : input.candidates) left_out_.push_back(of_class.left_out);
    return input;
  }

  Result<void> search() {
    search_began_ = Clock::now();
    const SearchInput input = search_input();
    if (const std::string cpu = codegen::host_cpu(); !codegen::has_cost_model(cpu))
      listener_.say("note: LLVM has no model of this CPU (" + cpu + "): nothing is pruned");
    BITNET_TRY(const auto workbench, LiveWorkbench::create(*lab_));
    result_ = search_packings(input, *workbench, listener_);
    // A kernel that computes wrongly is a bug and no reason to go without a cache: it is not used,
    // and said.
    for (const std::string& refused : result_.refused)
      if (result_.wrong > 0) listener_.say("note: refused " + refused);
    std::vector<size_t> every(setup_.problems.size());
    std::iota(every.begin(), every.end(), size_t{0});
    BITNET_CHECK(give_shapes(every));
    BITNET_TRY(RetimedPlan retimed,
               retime(*lab_, result_.choices, std::max(6, setup_.preset.final_samples),
                      setup_.preset.budget_seconds, setup_.isa, listener_));
    result_.samples.all += retimed.samples.all;
    result_.samples.disturbed += retimed.samples.disturbed;
    roof_bytes_per_second_ = retimed.roof_bytes_per_second;
    BITNET_CHECK(drop_slower(retimed));
    fill_plan(retimed);
    remember_choices();
    return {};
  }

  // The kernels of the choices of `problems` again, each for its shape.
  Result<void> give_shapes(const std::vector<size_t>& problems) {
    for (size_t c = 0; c < lab_->classes.size(); ++c) {
      std::vector<std::optional<Candidate>> wanted(setup_.problems.size());
      for (size_t p : problems)
        if (!result_.choices[p].classes.empty())
          wanted[p] = result_.choices[p].classes[c]->candidate;
      BITNET_TRY(const std::vector<const Compiled*> shaped,
                 shaped_.compile(lab_->classes[c], wanted));
      for (size_t p : problems) {
        if (!wanted[p]) continue;
        result_.choices[p].classes[c] = shaped[p];
        if (shaped[p] == nullptr) result_.choices[p].classes.clear();
      }
    }
    return {};
  }

  // What re-timed slower than built-in gives way to the built-in parameters, which are the same
  // code for one shape.
  Result<void> drop_slower(RetimedPlan& retimed) {
    std::vector<size_t> dropped;
    for (size_t p = 0; p < setup_.problems.size(); ++p) {
      const bool slower =
          std::ranges::any_of(retimed.classes, [&](const std::vector<Retimed>& of_class) {
            return of_class[p].ratio.ratio > 1 + std::max(kSlower, 2 * of_class[p].ratio.error);
          });
      if (!slower) continue;
      listener_.say(
          fmt::format("note: {}: built-in parameters are kept", describe(setup_.problems[p])));
      dropped.push_back(p);
      result_.choices[p] = result_.defaults[p];
      if (std::ranges::count(result_.choices[p].classes, nullptr) > 0)
        result_.choices[p].classes.clear();
      for (std::vector<Retimed>& of_class : retimed.classes) keep_builtin(of_class[p]);
    }
    return give_shapes(dropped);
  }

  static void keep_builtin(Retimed& timed) {
    timed.roof_share *= timed.seconds / timed.builtin_seconds;
    timed.seconds = timed.builtin_seconds;
    timed.ratio.ratio = 1;
  }

  void fill_plan(const RetimedPlan& retimed) {
    const int problems = static_cast<int>(setup_.problems.size());
    for (size_t c = 0; c < lab_->classes.size(); ++c)
      for (size_t p = 0; p < setup_.problems.size(); ++p) {
        const Retimed& timed = retimed.classes[c][p];
        PlanEntry& entry = plan_.entries[c][p];
        const auto& classes = result_.choices[p].classes;
        entry.kernel = classes.empty() ? nullptr : classes[c];
        entry.ratio = timed.ratio;
        entry.seconds = timed.seconds;
        entry.builtin_seconds = timed.builtin_seconds;
        entry.roof_share = timed.roof_share;
        entry.tried = result_.tried[c] / problems;
        entry.pruned = result_.pruned[c];
      }
  }

  // What was cut short is good enough for a cache, but no answer for next time.
  void remember_choices() {
    if (stop_()) return;
    note(setup_.memory.remember(records_of(plan_, key_, options_.preset)));
    note(setup_.memory.save_wisdom());
  }

  Result<void> write_cache() {
    if (plan_.is_empty())
      return fail(Error::Kind::interrupted,
                  "interrupted before any kernel was timed: no cache is written");
    std::vector<std::string> notices;
    const auto written = write_cache_file(setup_.cache_path, plan_, setup_.machine, setup_.isa,
                                          setup_.problems, notices);
    for (const std::string& notice : notices) listener_.say("note: " + notice);
    return written;
  }

  Report report() const {
    Report report{.model = options_.model,
                  .cache_path = setup_.cache_path,
                  .isa = key_.isa,
                  .preset = options_.preset,
                  .residency = key_.residency,
                  .tool_version = BITNET_VERSION,
                  .llvm_version = codegen::llvm_version(),
                  .machine = setup_.machine,
                  .threads = pool_.size(),
                  .seconds = seconds_since(start_),
                  .roof_gigabytes_per_second = 1e-9 * roof_bytes_per_second_,
                  .disturbed_samples = result_.samples.disturbed,
                  .samples = result_.samples.all,
                  .rows = rows_of(plan_),
                  .packings = packings(),
                  .left_out = left_out()};
    for (const ReportRow& row : report.rows)
      if (report.roof_gigabytes_per_second == 0 && row.roof_share > 0)
        report.roof_gigabytes_per_second = row.gigabytes_per_second() / row.roof_share;
    return report;
  }

  std::vector<LeftOut> left_out() const {
    std::vector<LeftOut> all;
    for (size_t c = 0; c < left_out_.size(); ++c)
      for (const auto& [reason, pairs] : left_out_[c])
        all.push_back({.tokens = label(lab_->classes[c]), .reason = reason, .pairs = pairs});
    return all;
  }

  // Of each packing, beside the kernel that was chosen.
  std::vector<PackingReport> packings() const {
    std::vector<PackingReport> all;
    for (const PackingRow& row : result_.table) {
      const PlanEntry& chosen = plan_.entries[row.token_class][row.problem];
      all.push_back({.problem = setup_.problems[row.problem],
                     .tokens = label(lab_->classes[row.token_class]),
                     .packing = row.packing,
                     .kernel = row.kernel,
                     .nanoseconds = 1e9 * row.seconds,
                     .over_chosen = row.kernel.empty() || chosen.ratio.ratio <= 0
                                        ? 0
                                        : row.ratio.ratio / chosen.ratio.ratio,
                     .error = row.ratio.error,
                     .candidates = row.tried,
                     .reason = row.reason});
    }
    return all;
  }

  Setup setup_;
  const TuneOptions& options_;
  Listener& listener_;
  const std::function<bool()>& stop_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point search_began_ = start_;
  bool noted_ = false;
  ThreadPool pool_;
  std::unique_ptr<codegen::Jit> jit_;
  ShapedKernels shaped_;
  std::vector<ProblemKernels> builtin_;
  std::optional<Lab> lab_;
  RecordKey key_;
  SearchResult result_;
  std::vector<std::map<std::string, int>> left_out_;  // of each class: reasons, pairs
  double roof_bytes_per_second_ = 0;
  Plan plan_;
};

}  // namespace

Result<Report> tune(const TuneOptions& options, Listener& listener,
                    const std::function<bool()>& stop) {
  try {
    BITNET_TRY(Setup setup, set_up(options, listener));
    BITNET_TRY(ThreadPool pool, ThreadPool::start(setup.threads));
    BITNET_TRY(std::unique_ptr<codegen::Jit> jit, codegen::Jit::create());
    Tuning tuning(std::move(setup), options, listener, stop, std::move(pool), std::move(jit));
    return tuning.run();
  } catch (const std::bad_alloc&) {
    return fail(Error::Kind::io, "{}: not enough memory to tune it", options.model);
  }
}

}  // namespace bitnet::tuner
