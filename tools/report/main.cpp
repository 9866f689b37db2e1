// bitnet-report: scalar, baseline, built-in and tuned kernels and the best of each packing, shape
// by shape: tuned here at every level that this CPU can be limited to (scripts/ci-report), or taken
// from a cache.
#include <filesystem>
#include <optional>

#include "runtime/base/atomic_file.h"
#include "runtime/base/output_check.h"
#include "runtime/cpu/topology.h"
#include "runtime/model/model_file.h"
#include "tools/common/interrupt.h"
#include "tools/common/model_options.h"
#include "tools/common/program.h"
#include "tools/report/csv.h"
#include "tools/report/packings.h"
#include "tools/report/reporter.h"
#include "tools/report/table.h"

namespace {

using namespace bitnet;
using namespace bitnet::report;

struct Arguments {
  std::string model{}, cache{}, csv_folder{}, markdown{};
  int threads = 0;
  double budget = 60;
  std::string isa{};
  std::optional<size_t> max_trials{};
  bool force = false;
  ModelFileOptions file{};
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

// Nothing is written before everything is measured.
Result<void> write_outputs(const Arguments& a, const Header& header, const std::vector<Row>& rows) {
  const std::string markdown = to_markdown(header, rows);
  if (!a.markdown.empty())
    BITNET_CHECK(write_file_atomically(a.markdown, std::as_bytes(std::span(markdown))));
  if (!a.csv_folder.empty()) {
    const std::string csv = to_csv(header, rows), path = csv_path(a, header.machine);
    BITNET_CHECK(write_file_atomically(path, std::as_bytes(std::span(csv))));
    message("wrote {}\n", path);
  }
  return Output().write(markdown);
}

// A packing that vanishes from the search should not do so in silence.
int say_what_is_missing(const std::vector<Row>& rows) {
  const std::vector<std::string> missing = missing_times(rows);
  for (const std::string& line : missing) message("error: {}\n", line);
  return missing.empty() ? 0 : 1;
}

// Empty: every level.
Result<std::optional<Isa>> level_of(const Arguments& a) {
  const std::optional<Isa> level = parse_isa(a.isa);
  if (!level && !a.isa.empty()) return fail(Error::Kind::usage, "--isa {}: no such level", a.isa);
  return level;
}

Result<int> run(const Arguments& a) {
  BITNET_TRY(const std::optional<Isa> level, level_of(a));
  BITNET_TRY(const ModelFile model, ModelFile::open(a.model, a.file));
  print_notices(model.notices);
  const std::vector<Problem> problems = model.problems();
  const IsaSet proved = proved_isa();
  const int threads = a.threads > 0 ? a.threads : default_thread_count();
  const Header header{.model = std::filesystem::path(a.model).filename().string(),
                      .machine = this_machine(proved),
                      .threads = threads,
                      .packings = packings_of_catalogue()};
  BITNET_CHECK(check_outputs(a, header.machine));
  BITNET_TRY(ThreadPool pool, ThreadPool::start(threads));
  const ReportOptions options{.model = a.model,
                              .cache = a.cache,
                              .file = a.file,
                              .budget_seconds = a.budget,
                              .isa = level,
                              .max_trials = a.max_trials,
                              .stop = interrupted,
                              .say = [](const std::string& line) { message("{}\n", line); }};
  BITNET_TRY(const std::vector<Row> rows, make_rows(options, problems, proved, std::move(pool)));
  BITNET_CHECK(write_outputs(a, header, rows));
  return say_what_is_missing(rows);
}

}  // namespace

int main(int argc, char** argv) {
  Options options(
      "bitnet-report",
      "Compares scalar, baseline, built-in and tuned kernels and the best ones of each "
      "packing: tunes a model\nat every instruction-set level of this CPU, or takes a "
      "cache that bitnet-tune wrote (--cache, without packings).\nEnds with an error for "
      "each packing that fits a shape and got no time.",
      "bitnet-report " BITNET_VERSION);
  Arguments a;
  options.add_option("model,-m,--model", a.model, "model file (GGUF)")
      ->required()
      ->type_name("FILE");
  options.add_threads(a.threads, "threads");
  options.add_option("--cache", a.cache, "time the kernels of this cache; tune nothing")
      ->type_name("FILE");
  options.add_option("--budget", a.budget, "seconds of search at each level, at most")
      ->check(between(0.1, 3600.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  options.add_option("--isa", a.isa, "tune at this instruction-set level only")->type_name("LEVEL");
  options.add_option("--max-trials", a.max_trials,
                     "most candidates of a shape (default: those of bitnet-tune --preset quick)");
  options.add_option("--csv", a.csv_folder, "also write <cpu>.csv in this folder")
      ->type_name("FOLDER");
  options.add_option("--markdown", a.markdown, "also write the table to this file")
      ->type_name("FILE");
  options.add_flag("--force", a.force,
                   "--csv and --markdown replace whatever is there (default: only their own kind)");
  add_model_file_options(options, a.file);
  install_interrupt_handler();
  return run_program(options, argc, argv, [&] { return run(a); });
}
