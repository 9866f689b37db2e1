// bitnet-run: loads a model, does one task, prints what it took. Wiring only; the tasks stand in
// files of their own.
#include "runtime/base/printable.h"
#include "runtime/session_internals.h"
#include "tools/common/interrupt.h"
#include "tools/common/model_options.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/run/arguments.h"
#include "tools/run/inputs.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

void describe_model(const Task& task) {
  const Model& m = task.model;
  task.log("model: {} ({}), {:.1f} M parameters, {:.1f} MB\n",
           printable(m.name().empty() ? task.arguments.model_path : m.name()),
           printable(m.architecture()), static_cast<double>(m.parameters()) / 1e6,
           static_cast<double>(m.file_bytes()) / 1e6);
  task.log("kernels: {}; {} thread{}\n", m.kernels_in_use(), m.threads(),
           m.threads() == 1 ? "" : "s");
  if (task.arguments.verbose) task.log("{}", ModelInternals::kernel_table(m));
}

Result<int> run(Arguments& arguments) {
  BITNET_CHECK(read_inputs(arguments));
  if (arguments.tokenize) return tokenize(arguments);
  Timings timings;
  Progress bar(Progress::style_for_stderr(arguments.quiet));
  arguments.model.progress = [&bar](double done) { bar.update(done, "loading"); };
  arguments.model.stop = interrupted;
  BITNET_TRY(Model model, Model::load(arguments.model_path, arguments.model));
  bar.clear();
  timings.load_ms = timings.total.milliseconds();
  if (!arguments.quiet) print_notices(model.notices());
  Receipt receipt(arguments.receipt_full);
  const Task task{arguments, model, arguments.receipt ? &receipt : nullptr, timings};
  describe_model(task);
  if (!model.cache_warning().empty()) message("warning: {}\n", model.cache_warning());
  if (arguments.sampler.temperature > 0 && !arguments.perplexity)
    task.log("seed: {}\n", arguments.sampler.seed);
  BITNET_TRY(const int code, arguments.perplexity     ? perplexity(task)
                             : arguments.conversation ? chat(task)
                                                      : generate(task));
  task.log("\n{}", timings.table(model.weight_bytes_per_token()));
  if (arguments.receipt) message("{}\n", receipt.line());
  return code;
}

}  // namespace
}  // namespace bitnet

int main(int argc, char** argv) {
  bitnet::CommandLine line;
  bitnet::install_interrupt_handler();
  return bitnet::run_program(line.options(), argc, argv, [&]() -> bitnet::Result<int> {
    BITNET_TRY(bitnet::Arguments arguments, line.arguments());
    return bitnet::run(arguments);
  });
}
