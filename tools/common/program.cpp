#include "tools/common/program.h"

#include <exception>
#include <new>

#include "runtime/base/mapped_file.h"

namespace bitnet {
namespace {

int exit_code_of(const Error& error) {
  switch (error.kind) {
    case Error::Kind::usage:
      return 2;
    case Error::Kind::interrupted:
      return 130;
    default:
      return 1;
  }
}

Result<int> parse_and_run(Options& options, int argc, char** argv,
                          const std::function<Result<int>()>& run) {
  BITNET_TRY(const Parsed parsed, parse_command_line(options, argc, argv));
  if (parsed.answered) return 0;
  write_message(parsed.note);
  return run();
}

}  // namespace

int run_program(Options& options, int argc, char** argv, const std::function<Result<int>()>& run) {
  claim_standard_streams();
  install_truncation_guard();
  try {
    Result<int> code = parse_and_run(options, argc, argv, run);
    if (code) return *code;
    if (code.error().kind != Error::Kind::reader_left) print_error(code.error());
    return exit_code_of(code.error());
  } catch (const std::bad_alloc&) {
    write_message("error: not enough memory\n");
  } catch (const std::exception& unexpected) {
    message("error: {}\n", unexpected.what());
  } catch (...) {
    write_message("error: an unknown exception\n");
  }
  return 1;
}

}  // namespace bitnet
