#include "tools/common/program.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>

#include "runtime/base/mapped_file.h"

namespace bitnet {
namespace {

constexpr std::string_view kNoMemory = "error: not enough memory\n";

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

// The exception that is being handled, as a line. It allocates nothing: there may be no memory.
void say_what_was_thrown() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    write_message(kNoMemory);
  } catch (const std::exception& unexpected) {
    for (const std::string_view part : {"error: ", unexpected.what(), "\n"}) write_message(part);
  } catch (...) {
    write_message("error: an unknown exception\n");
  }
}

bool is_memory_left() {
  void* volatile const room = std::malloc(1);  // volatile: else the compiler leaves the call out
  std::free(room);
  return room != nullptr;
}

// For exceptions that nobody can catch (of LLVM's code, of a noexcept function, of what runs before
// run_program): a line, no signal. Where even the exception found no memory, there is none to ask.
// Without one, and with memory, there is a bug to look at. The first thread speaks for all.
[[noreturn]] void on_terminate() {
  static std::atomic_flag ended;
  const bool is_thrown = std::current_exception() != nullptr;
  if (!is_thrown && is_memory_left()) std::abort();
  while (ended.test_and_set()) pause();
  is_thrown ? say_what_was_thrown() : write_message(kNoMemory);
  _exit(1);
}

// Before the constructors of shared libraries and our own statics, which allocate, too.
void at_start() { std::set_terminate(on_terminate); }
[[gnu::section(".preinit_array"), gnu::used]] void (*const kAtStart)() = at_start;

// The kernel lets the main thread's stack grow as it is used, and where a limit on memory forbids
// that, the program dies by SIGSEGV. So more than we and LLVM use of it (132 KB are given at the
// start, and were enough wherever we looked) is taken now: address space, of which one page is
// touched.
constexpr size_t kStackBytes = size_t{1} << 20;
[[gnu::noinline]] void take_stack() {
  char stack[kStackBytes];
  stack[0] = 0;
  asm volatile("" ::"r"(stack) : "memory");  // else the compiler keeps one byte of the array
}
void reserve_stack() {
  rlimit most{};
  if (getrlimit(RLIMIT_STACK, &most) != 0 || most.rlim_cur < 4 * kStackBytes) return;
  void* const room = mmap(nullptr, 2 * kStackBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  munmap(room, 2 * kStackBytes);
  take_stack();
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
    reserve_stack();
    Result<int> code = parse_and_run(options, argc, argv, run);
    if (code) return *code;
    if (code.error().kind != Error::Kind::reader_left) print_error(code.error());
    return exit_code_of(code.error());
  } catch (...) {
    say_what_was_thrown();
  }
  return 1;
}

}  // namespace bitnet
