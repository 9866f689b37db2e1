// bitnet-tune: command line, progress, exit codes.
#include <charconv>
#include <cmath>
#include <optional>

#include "runtime/base/atomic_file.h"
#include "runtime/base/output_check.h"
#include "tools/common/interrupt.h"
#include "tools/common/model_options.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tuner/presets.h"
#include "tuner/tune.h"

namespace {

using namespace bitnet;
using namespace bitnet::tuner;

// "60", "60s", "5m", "1h"
std::optional<double> parse_duration(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value >= 0) || !std::isfinite(value)) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.empty() || unit == "s") return value;
  if (unit == "m") return 60 * value;
  if (unit == "h") return 3600 * value;
  return std::nullopt;
}

struct Arguments {
  TuneOptions tune{};
  std::string report{};
  bool quiet = false;
};

// What CLI11 cannot check for us.
Result<void> interpret(const std::string& budget, const std::string& isa, const std::string& wisdom,
                       Arguments& a) {
  if (!budget.empty()) {
    a.tune.budget_seconds = parse_duration(budget);
    if (!a.tune.budget_seconds) {
      return fail(Error::Kind::usage, "--budget {}: wanted a time such as 60s, 5m or 1h", budget);
    }
  }
  if (!isa.empty()) {
    a.tune.isa = parse_isa(isa);
    if (!a.tune.isa) {
      std::string known;
      for (const IsaLevel& level : kIsaLevels)
        known += fmt::format("{}{}", known.empty() ? "" : ", ", level.name);
      return fail(Error::Kind::usage, "--isa {}: none of {}", isa, known);
    }
  }
  if (wisdom == "require") a.tune.wisdom = WisdomMode::require;
  if (wisdom == "ignore") a.tune.wisdom = WisdomMode::ignore;
  return {};
}

class OnScreen : public Listener {
 public:
  explicit OnScreen(Progress& progress) : progress_(progress) {}
  void update(double fraction, const std::string& what, double seconds_left) override {
    progress_.update(fraction, what, seconds_left);
  }
  void say(const std::string& line) override { progress_.say(line); }

 private:
  Progress& progress_;
};

// Before minutes are spent.
Result<void> check_report_output(const Arguments& a) {
  if (a.report.empty()) return {};
  BITNET_CHECK(check_distinct(a.report, a.tune.output));
  return check_output(a.report, {.name = "a tuning report", .recognises = looks_like_report},
                      {.inputs = {a.tune.model}, .force = a.tune.force});
}

Result<int> run(const Arguments& arguments) {
  BITNET_CHECK(check_report_output(arguments));
  Progress progress(Progress::style_for_stderr(arguments.quiet));
  OnScreen listener(progress);
  BITNET_TRY(const Report report, tune(arguments.tune, listener, interrupted));
  progress.clear();
  if (!arguments.report.empty()) {
    const std::string json = to_json(report);
    BITNET_CHECK(write_file_atomically(arguments.report, std::as_bytes(std::span(json))));
  }
  progress.say(fmt::format("wrote {} ({:.1f} s)", report.cache_path, report.seconds));
  BITNET_CHECK(Output().write(to_table(report)));
  return 0;
}

void declare(Options& options, Arguments& a, std::string& budget, std::string& isa,
             std::string& wisdom) {
  options.add_option("model,-m,--model", a.tune.model, "model file (GGUF)")
      ->required()
      ->type_name("FILE");
  options
      .add_option("-o,--output", a.tune.output,
                  "kernel cache to write (default: where bitnet-run looks)")
      ->type_name("FILE");
  options.add_threads(a.tune.threads, "threads to tune for");
  options.add_choice("--preset", a.tune.preset, preset_names(), "effort, see docs/TUNING.md");
  options.add_option("--budget", budget, "time to search: 60s, 5m, 1h (default: the preset's)")
      ->type_name("TIME");
  options.add_option("--isa", isa, "use this instruction-set level and its parents only")
      ->type_name("LEVEL");
  options.add_option("--report", a.report, "also write what was found as JSON")->type_name("FILE");
  options.add_option("--max-trials", a.tune.max_trials,
                     "most candidates of a shape (default: the preset's)");
  options.add_choice(
      "--wisdom", wisdom, {"use", "require", "ignore"},
      "use: answer from memory what is known; require: never search; ignore: search again");
  options
      .add_option("--memory", a.tune.memory_folder,
                  "folder of trials.log and wisdom (default: beside the caches)")
      ->type_name("FOLDER");
  options.add_flag("--force", a.tune.force,
                   "-o and --report replace whatever is there (default: only their own kind)");
  add_model_file_options(options, a.tune.file);
  options.add_flag("-q,--quiet", a.quiet, "no progress on stderr");
  options.silence_notes_with("--quiet");
}

}  // namespace

int main(int argc, char** argv) {
  Options options("bitnet-tune",
                  "Finds the fastest ternary kernels for a model's shapes on this CPU and writes "
                  "them to a kernel cache,\n"
                  "which bitnet-run then finds by itself. Tuning changes speed, never a token.",
                  "bitnet-tune " BITNET_VERSION);
  Arguments arguments;
  std::string budget, isa, wisdom = "use";
  declare(options, arguments, budget, isa, wisdom);
  install_interrupt_handler();
  return run_program(options, argc, argv, [&]() -> Result<int> {
    BITNET_CHECK(interpret(budget, isa, wisdom, arguments));
    return run(arguments);
  });
}
