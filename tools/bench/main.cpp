// bitnet-bench: llama-bench's options and output for this runtime.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "runtime/base/printable.h"
#include "runtime/session_internals.h"
#include "tools/bench/arguments.h"
#include "tools/bench/output.h"
#include "tools/common/interrupt.h"
#include "tools/common/model_options.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"

namespace {

using namespace bitnet;
using namespace bitnet::bench;

// "bitnet-b1.58 2.41B", "bitnet 4M"
std::string type_of(const Model& model) {
  const double millions = 1e-6 * static_cast<double>(model.parameters());
  return millions < 1000 ? fmt::format("{} {:.0f}M", model.architecture(), millions)
                         : fmt::format("{} {:.2f}B", model.architecture(), 1e-3 * millions);
}

ModelFacts facts_of(const Setup& setup, const Model& model) {
  return {.path = setup.model,
          .type = type_of(model),
          .bytes = model.file_bytes(),
          .parameters = model.parameters(),
          .batch = setup.batch,
          .ubatch = setup.ubatch,
          .kv = setup.kv,
          .machine = this_machine(proved_isa())};
}

// Rows on stdout, and on stderr where -oe wants them.
class Printer {
 public:
  Printer(const Arguments& a, Columns more)
      : out_format_(format_named(a.output)), more_(std::move(more)), versus_(!a.versus.empty()) {
    if (a.error_output != "none") error_format_ = &format_named(a.error_output);
  }

  Result<void> row(const ModelFacts& facts, const Measurement& m) {
    if (first_) BITNET_CHECK(print(out_format_.header(more_, versus_), error_header()));
    BITNET_CHECK(print(out_format_.row(facts, m, more_, first_),
                       error_format_ ? error_format_->row(facts, m, more_, first_) : ""));
    first_ = false;
    return {};
  }
  Result<void> finish() {
    if (first_) return {};
    return print(out_format_.footer, error_format_ ? error_format_->footer : "");
  }

 private:
  std::string error_header() const {
    return error_format_ ? error_format_->header(more_, versus_) : "";
  }
  Result<void> print(std::string_view text, std::string_view error_text) {
    write_message(error_text);
    return out_.write(text);
  }

  const Format& out_format_;
  const Columns more_;
  const bool versus_;
  const Format* error_format_ = nullptr;
  bool first_ = true;
  Output out_;
};

// --progress: a line a step, wherever stderr leads; else a bar on a terminal and nothing elsewhere.
Progress::Style progress_style(const Arguments& a) {
  if (a.progress) return Progress::Style::lines;
  const Progress::Style usual = Progress::style_for_stderr(false);
  return usual == Progress::Style::bar ? usual : Progress::Style::quiet;
}

// How far the whole plan is, told in steps of one repetition (or warm-up).
class Steps {
 public:
  Steps(const Arguments& a, const Plan& plan)
      : bar_(progress_style(a)),
        lines_(a.progress),
        all_(static_cast<double>(plan.setups.size() * plan.tests.size()) *
             (a.repetitions + (a.no_warm_up ? 0 : 1))) {}

  void begin(const std::string& what) {
    if (lines_) bar_.say("bitnet-bench: " + what);
    bar_.update(done_++ / all_, what);
  }
  void clear() { bar_.clear(); }

 private:
  Progress bar_;
  bool lines_;  // each step is said
  double done_ = 0;
  double all_;
};

class Bench {
 public:
  Bench(const Arguments& arguments, const Plan& plan)
      : arguments_(arguments),
        plan_(plan),
        printer_(arguments, plan.unusual),
        steps_(arguments, plan) {}

  Result<void> run() {
    Result<void> done{};
    for (size_t i = 0; done && i < plan_.setups.size(); ++i) done = run_setup(plan_.setups[i]);
    // The rows that there are make a whole table, whatever ended it.
    if (!done && done.error().kind != Error::Kind::interrupted) return done;
    steps_.clear();
    BITNET_CHECK(printer_.finish());
    return done;
  }

 private:
  Result<void> run_setup(const Setup& setup) {
    BITNET_TRY(Model model, Model::load(setup.model, stoppable(setup.options)));
    BITNET_TRY(std::optional<Model> other, load_versus(setup, model));
    describe(setup, model, other);
    const ModelFacts facts = facts_of(setup, model);
    const RoofBuffer roof(model.weight_bytes_per_token(), model.threads());
    for (const Test& test : plan_.tests) {
      const auto step = [&](const std::string& what) {
        steps_.begin(fmt::format("{} with {} threads: {}", name(test), model.threads(), what));
      };
      const How how{.repetitions = arguments_.repetitions,
                    .warm_up = !arguments_.no_warm_up,
                    .kv = setup.kv,
                    .step = step,
                    .stop = interrupted};
      BITNET_TRY(const Measurement m,
                 other ? compare(model, *other, arguments_.versus, test, roof, how)
                       : measure(model, test, roof, how));
      steps_.clear();
      BITNET_CHECK(printer_.row(facts, m));
    }
    return {};
  }

  static ModelOptions stoppable(ModelOptions options) {
    options.stop = interrupted;
    return options;
  }

  // What is named must be what is measured: a cache that is not used is an error in a comparison.
  static Result<std::optional<Model>> load_versus(const Setup& setup, const Model& model) {
    if (!setup.versus) return std::nullopt;
    BITNET_TRY(Model other, Model::load(setup.model, stoppable(*setup.versus)));
    for (const std::string& warning : {model.cache_warning(), other.cache_warning()})
      if (!warning.empty()) return fail(Error::Kind::invalid, "--vs: {}", warning);
    return std::optional<Model>(std::move(other));
  }

  // Once a model, not once a setup.
  void describe(const Setup& setup, const Model& model, const std::optional<Model>& other) {
    if (!described_.insert(setup.model).second) return;
    steps_.clear();
    print_notices(model.notices());
    message("{}{}\n",
            plan_.setups.front().model == plan_.setups.back().model ? "" : setup.model + ": ",
            model.kernels_in_use());
    if (other) message("vs {}\n", other->kernels_in_use());
    if (arguments_.verbose) write_message(ModelInternals::kernel_table(model));
  }

  const Arguments& arguments_;
  const Plan& plan_;
  Printer printer_;
  Steps steps_;
  std::set<std::string> described_;
};

// The last of several models should not turn out to be missing after an hour.
Result<void> check_models(const Plan& plan) {
  for (const Setup& setup : plan.setups)
    if (::access(setup.model.c_str(), R_OK) != 0)
      return fail(Error::Kind::io, "{}: cannot open: {}", printable(setup.model),
                  std::strerror(errno));
  return {};
}

Result<int> run(const Arguments& a) {
  BITNET_TRY(const Plan plan, plan_of(a));
  BITNET_CHECK(check_models(plan));
  BITNET_CHECK(Bench(a, plan).run());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options("bitnet-bench",
                  "Measures prompt and generation speed; options and output as llama-bench has "
                  "them. A LIST is\n"
                  "512,1024 or 1-4 or 1-8*2; an option may also be given several times. Every "
                  "combination is a test.",
                  "bitnet-bench " BITNET_VERSION);
  Arguments a;
  declare(options, a);
  install_interrupt_handler();
  return run_program(options, argc, argv, [&] { return run(a); });
}
