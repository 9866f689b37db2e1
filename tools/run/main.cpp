// bitnet-run: loads a model, does one task, prints what it took. Wiring only; the tasks stand in
// files of their own.
#include <unistd.h>

#include <cstdio>

#include "runtime/base/mapped_file.h"
#include "tools/common/model_options.h"
#include "tools/run/arguments.h"
#include "tools/run/interrupt.h"
#include "tools/run/tasks.h"
#include "runtime/model/hparams.h"

namespace bitnet {
namespace {

// A bar on a terminal for loads that take longer than a second.
std::function<void(double)> load_progress(const Stopwatch& watch) {
  if (!isatty(STDERR_FILENO)) return {};
  return [&watch, shown = false](double done) mutable {
    if (watch.milliseconds() < 1000 || (done >= 1 && !shown)) return;
    shown = true;
    const int width = 40, filled = static_cast<int>(done * width);
    fmt::print(stderr, "\rloading [{:=<{}}{: <{}}] {:3.0f} %{}", "", filled, "", width - filled,
               done * 100, done >= 1 ? "\r\033[K" : "");
    std::fflush(stderr);
  };
}

void describe_model(const Task& task) {
  const Hparams& h = task.model.hparams();
  task.log("model: {} ({}), {:.1f} M parameters, {:.1f} MB\n",
           h.name.empty() ? task.arguments.model_path : h.name, h.architecture,
           static_cast<double>(task.model.parameters()) / 1e6,
           static_cast<double>(task.model.file_bytes()) / 1e6);
  task.log("kernels: {}; {} thread{}\n", task.model.kernels_in_use(), task.model.threads(),
           task.model.threads() == 1 ? "" : "s");
  if (task.arguments.verbose) task.log("{}", task.model.kernel_table());
}

Result<int> run(Arguments& arguments) {
  if (arguments.tokenize) return tokenize(arguments);
  Timings timings;
  if (!arguments.quiet) arguments.model.progress = load_progress(timings.total);
  BITNET_TRY(Model model, Model::load(arguments.model_path, arguments.model));
  timings.load_ms = timings.total.milliseconds();
  if (!arguments.quiet) print_notices(model.notices());
  Receipt receipt(arguments.receipt_full);
  const Task task{arguments, model, arguments.receipt ? &receipt : nullptr, timings};
  describe_model(task);
  if (arguments.sampler.temperature > 0 && !arguments.perplexity)
    task.log("seed: {}\n", arguments.sampler.seed);
  BITNET_TRY(const int code, arguments.perplexity     ? perplexity(task)
                             : arguments.conversation ? chat(task)
                                                      : generate(task));
  task.log("\n{}", timings.table(model.weight_bytes_per_token()));
  if (arguments.receipt) fmt::print(stderr, "{}\n", receipt.line());
  return code;
}

}  // namespace
}  // namespace bitnet

int main(int argc, char** argv) {
  bitnet::Parsed parsed = bitnet::parse_arguments(argc, argv);
  if (!parsed.arguments) return parsed.exit_code;
  bitnet::install_truncation_guard();
  bitnet::install_interrupt_handler();
  const bitnet::Result<int> code = bitnet::run(*parsed.arguments);
  if (code) return *code;
  // A reader that has seen enough (| head) is no error to tell anybody.
  if (code.error().kind != bitnet::Error::Kind::interrupted)
    fmt::print(stderr, "error: {}\n", code.error().message);
  return 1;
}
