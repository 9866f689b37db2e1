#include "tools/run/interrupt.h"

#include <signal.h>
#include <unistd.h>

namespace bitnet {
namespace {

// What a signal handler may touch has to be global.
volatile sig_atomic_t interrupts = 0;

void on_interrupt(int) {
  if (interrupts > 0) _exit(130);
  interrupts = 1;
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: waiting for a line of input ends, too
  sigaction(SIGINT, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write, see output.h
}

bool interrupted() { return interrupts > 0; }
void clear_interrupt() { interrupts = 0; }

}  // namespace bitnet
