// proved_isa: reported levels execute representative instructions of their own in a child process,
// so that an instruction that faults kills the child and not us. A level of whose features none has
// an instruction (features.cpp) is not proved.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <vector>

#include "runtime/cpu/features.h"
#include "runtime/cpu/isa.h"

namespace bitnet {
namespace {

[[noreturn]] void child(std::span<const Isa> levels) {
  // Only async-signal-safe calls: the parent may have threads. No core file, no handler of ours, no
  // hanging.
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  for (int signal_number : {SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGFPE})
    signal(signal_number, SIG_DFL);
  alarm(2);
  for (const Isa isa : levels)
    if (isa != Isa::scalar && !execute_features(level_of(isa).features)) _exit(1);
  _exit(0);
}

enum class Proof : uint8_t { passed, failed, impossible };

Proof prove(std::span<const Isa> levels) {
  const pid_t pid = fork();
  if (pid == 0) child(levels);
  if (pid < 0) return Proof::impossible;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Proof::impossible;  // somebody ignores SIGCHLD
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Proof::passed : Proof::failed;
}

// One child for all where all is well, else one for each to see which it was.
IsaSet prove_reported() {
  const IsaSet reported = reported_isa();
  const std::vector<Isa> levels = reported.levels();
  if (prove(levels) != Proof::failed) return reported;
  IsaSet proved;
  for (const Isa isa : levels) {
    const bool parent_proved = proved.has(level_of(isa).parent);
    if (parent_proved && prove({&isa, 1}) != Proof::failed) proved.add(isa);
  }
  return proved;
}

}  // namespace

IsaSet proved_isa() {
  static const IsaSet proved = prove_reported();
  return proved;
}

}  // namespace bitnet
