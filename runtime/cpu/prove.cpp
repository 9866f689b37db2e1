// proved_isa: reported levels execute representative instructions of their own in a child process,
// so that an instruction that faults kills the child and not us. Encodings are spelt out in bytes:
// no assembler, compiler or sanitizer then has a say in whether they may be used here.
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <vector>

#include "runtime/cpu/isa.h"

namespace bitnet {
namespace {

// Runs in the child only, which exits right after: registers need not be kept. False: nothing here
// knows how to try this level, which proves nothing.
bool execute(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return true;
#if defined(__x86_64__)
    case Isa::ssse3:  // pshufb xmm0, xmm0
      __asm__ volatile(".byte 0x66,0x0f,0x38,0x00,0xc0" ::: "xmm0");
      return true;
    case Isa::avx2:  // vpmaddubsw ymm0, ymm0, ymm0; vfmadd231ps ymm0, ymm0, ymm0; vcvtph2ps ymm0,
                     // xmm0; pext
      __asm__ volatile(
          ".byte 0xc4,0xe2,0x7d,0x04,0xc0\n\t"
          ".byte 0xc4,0xe2,0x7d,0xb8,0xc0\n\t"
          ".byte 0xc4,0xe2,0x7d,0x13,0xc0\n\t"
          ".byte 0xc4,0xe2,0xfa,0xf5,0xc0" ::
              : "xmm0", "rax");
      return true;
    case Isa::avxvnni:  // {vex} vpdpbusd ymm0, ymm0, ymm0
      __asm__ volatile(".byte 0xc4,0xe2,0x7d,0x50,0xc0" ::: "xmm0");
      return true;
    case Isa::avx512:  // vpaddb zmm0, zmm0, zmm0
      __asm__ volatile(".byte 0x62,0xf1,0x7d,0x48,0xfc,0xc0" ::: "xmm0");
      return true;
    case Isa::avx512vnni:  // vpdpbusd zmm0, zmm0, zmm0
      __asm__ volatile(".byte 0x62,0xf2,0x7d,0x48,0x50,0xc0" ::: "xmm0");
      return true;
    case Isa::avx512vbmi:  // vpermb zmm0, zmm0, zmm0
      __asm__ volatile(".byte 0x62,0xf2,0x7d,0x48,0x8d,0xc0" ::: "xmm0");
      return true;
    case Isa::amx: {
      // Linux hands out tile registers on request: arch_prctl(ARCH_REQ_XCOMP_PERM,
      // XFEATURE_XTILEDATA).
      if (syscall(SYS_arch_prctl, 0x1023, 18) != 0) _exit(1);
      struct alignas(64) {
        uint8_t palette = 1, start_row = 0, reserved[14] = {};
        uint16_t column_bytes[16] = {64, 64, 64};
        uint8_t rows[16] = {16, 16, 16};
      } config;
      // ldtilecfg [rax]; tdpbusd tmm0, tmm1, tmm2; tilerelease
      __asm__ volatile(
          ".byte 0xc4,0xe2,0x78,0x49,0x00\n\t"
          ".byte 0xc4,0xe2,0x69,0x5e,0xc1\n\t"
          ".byte 0xc4,0xe2,0x78,0x49,0xc0" ::"a"(&config)
          : "memory");
      return true;
    }
#elif defined(__aarch64__)
    case Isa::neon:  // add v0.16b, v0.16b, v0.16b
      __asm__ volatile(".inst 0x4e208400" ::: "v0");
      return true;
    case Isa::dotprod:  // sdot v0.4s, v0.16b, v0.16b
      __asm__ volatile(".inst 0x4e809400" ::: "v0");
      return true;
    case Isa::i8mm:  // smmla v0.4s, v0.16b, v0.16b
      __asm__ volatile(".inst 0x4e80a400" ::: "v0");
      return true;
#endif
    default:
      return false;
  }
}

[[noreturn]] void child(std::span<const Isa> levels) {
  // Only async-signal-safe calls: the parent may have threads. No core file, no handler of ours, no
  // hanging.
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  for (int signal_number : {SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGFPE})
    signal(signal_number, SIG_DFL);
  alarm(2);
  for (const Isa isa : levels)
    if (!execute(isa)) _exit(1);
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
