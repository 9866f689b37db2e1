#include "tuner/tune.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <optional>

#include "runtime/cpu/topology.h"
#include "runtime/model/problem_rows.h"
#include "tuner/answers.h"
#include "tuner/cache_file.h"
#include "tuner/plan.h"
#include "tuner/residency.h"
#include "tuner/search_report.h"
#include "tuner/settle.h"
#include "tuner/setup.h"
#include "tuner/shaped_kernels.h"

namespace bitnet::tuner {
namespace {

using Clock = std::chrono::steady_clock;

// A replay of one token goes through all layers, or as many as are surely not cached.
constexpr int64_t kReplayBytes = int64_t{640} << 20;
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

Result<void> write_cache(const Setup& setup, const Plan& plan, Listener& listener) {
  if (plan.is_empty())
    return fail(Error::Kind::interrupted,
                "interrupted before any kernel was timed: no cache is written");
  std::vector<std::string> notices;
  const auto written =
      write_cache_file(setup.cache_path, plan, setup.machine, setup.isa, setup.problems, notices);
  for (const std::string& notice : notices) listener.say("note: " + notice);
  return written;
}

SearchInput search_input(const Setup& setup, const Lab& lab, const RecordKey& key) {
  SearchInput input{.problems = lab.problems,
                    .builtin = lab.builtin,
                    .classes = lab.classes,
                    .candidates = {},
                    .preset = setup.preset,
                    // The other half is for what else the model and its users need.
                    .bytes_allowed = available_memory_bytes().value_or(0) / 2,
                    .key = key,
                    .remember = {}};
  const Place place{.cache_bytes = setup.machine.cache_bytes,
                    .weights_in_memory = lab.weights_in_memory,
                    .threads = lab.pool.size()};
  for (const TokenClass& c : lab.classes)
    input.candidates.push_back(candidates(codegen::templates(), setup.levels, c,
                                          class_of(lab.builtin.front(), c.timed).name,
                                          setup.preset.candidates, place, lab.problems));
  return input;
}

// A kernel that computes wrongly is a bug and no reason to go without a cache: it is not used, and
// said.
void say_wrong(const SearchResult& result, Listener& listener) {
  for (const std::string& refused : result.refused)
    if (result.wrong > 0) listener.say("note: refused " + refused);
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
    bool known = false;
    if (options_.wisdom != WisdomMode::ignore) {
      BITNET_TRY(known, answer_from_memory(setup_, key_, shaped_, plan_));
    }
    if (!known) {
      if (options_.wisdom == WisdomMode::require)
        return fail(Error::Kind::not_found,
                    "{}: wisdom does not know all of this model's shapes for {} threads",
                    options_.model, pool_.size());
      BITNET_CHECK(search());
    }
    BITNET_CHECK(write_cache(setup_, plan_, listener_));
    return report();
  }

 private:
  Result<void> make_lab() {
    const auto source = make_builtin_source(setup_.isa);
    BITNET_TRY(builtin_, builtin_kernels_of(*source, setup_.problems));
    const int layers = setup_.problems.front().count;
    const int64_t layer_bytes = bytes_of(builtin_, setup_.problems, false);
    const int64_t enough = (kReplayBytes + layer_bytes - 1) / layer_bytes;
    const Residency residency =
        residency_of(bytes_of(builtin_, setup_.problems, true), setup_.machine.cache_bytes,
                     [&](int64_t bytes) { return measure_read_rates(pool_, bytes, setup_.isa); });
    if (!residency.notice.empty()) listener_.say("note: " + residency.notice);
    lab_.emplace(Lab{.pool = pool_,
                     .jit = *jit_,
                     .problems = setup_.problems,
                     .builtin = builtin_,
                     .weights = {},
                     .classes = {kBalanced.begin(), kBalanced.end()},
                     .layers = static_cast<int>(std::clamp<int64_t>(enough, 1, layers)),
                     .weights_in_memory = !residency.in_cache,
                     .stop = stop_,
                     .seconds_left = [this] {
                       return setup_.preset.budget_seconds - seconds_since(search_began_);
                     }});
    for (const Problem& problem : setup_.problems)
      lab_->weights.push_back(
          problem_rows(setup_.model.layers.front(), problem.kind).weights(problem.group));
    key_ = {.machine = setup_.machine.id(),
            .isa = std::string(name(setup_.levels.front())),
            .threads = pool_.size(),
            .residency = residency.in_cache ? "cache" : "memory"};
    plan_ = empty_plan(setup_.problems, lab_->classes, builtin_);
    plan_.threads = pool_.size();
    plan_.objective = key_.objective;
    return {};
  }

  void note(const Result<void>& result) {
    if (!result && !noted_) listener_.say("note: " + result.error().message);
    noted_ = noted_ || !result;
  }

  Result<void> search() {
    search_began_ = Clock::now();
    SearchInput input = search_input(setup_, *lab_, key_);
    input.remember = [this](std::span<const Record> records) {
      note(setup_.memory.remember(records));
    };
    for (const Candidates& of_class : input.candidates) left_out_.push_back(of_class.left_out);
    if (const std::string cpu = codegen::host_cpu(); !codegen::has_cost_model(cpu))
      listener_.say("note: LLVM has no model of this CPU (" + cpu + "): nothing is pruned");
    BITNET_TRY(const auto workbench, LiveWorkbench::create(*lab_));
    result_ = search_packings(input, *workbench, listener_);
    say_wrong(result_, listener_);
    BITNET_TRY(const RetimedPlan retimed, settle(settle_input(), result_));
    result_.samples.all += retimed.samples.all;
    result_.samples.disturbed += retimed.samples.disturbed;
    roof_bytes_per_second_ = retimed.roof_bytes_per_second;
    fill(plan_, result_, retimed);
    remember_choices();
    return {};
  }

  SettleInput settle_input() {
    return {.problems = setup_.problems,
            .classes = lab_->classes,
            .shape = [this](const TokenClass& c,
                            const auto& wanted) { return shaped_.compile(c, wanted); },
            .retime =
                [this](const std::vector<ProblemChoice>& choices) {
                  return retime(*lab_, choices, std::max(6, setup_.preset.final_samples),
                                setup_.preset.budget_seconds, setup_.isa, listener_);
                },
            .listener = listener_};
  }

  // What was cut short is good enough for a cache, but no answer for next time.
  void remember_choices() {
    if (stop_()) return;
    note(setup_.memory.remember(records_of(plan_, key_, options_.preset)));
    note(setup_.memory.save_wisdom());
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
                  .packings = packings_of(result_, plan_),
                  .left_out = left_out_of(left_out_, plan_.classes)};
    for (const ReportRow& row : report.rows)
      if (report.roof_gigabytes_per_second == 0 && row.roof_share > 0)
        report.roof_gigabytes_per_second = row.gigabytes_per_second() / row.roof_share;
    return report;
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
