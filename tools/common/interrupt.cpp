#include "tools/common/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace bitnet {
namespace {

// What a signal handler may touch has to be global, and lock-free.
std::atomic<bool> asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void on_interrupt(int) {
  if (asked.exchange(true)) _exit(130);
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: waiting for a line of input ends, too
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return asked.load(std::memory_order_relaxed); }
void clear_interrupt() { asked.store(false, std::memory_order_relaxed); }

}  // namespace bitnet
