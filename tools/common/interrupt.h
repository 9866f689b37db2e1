// Ctrl-C: the first asks for an end in good order, which the program looks for often; a second one
// before that ends it at once (exit code 130).
#pragma once

namespace bitnet {

void install_interrupt_handler();
bool interrupted();      // may be asked by any thread
void clear_interrupt();  // what was asked to end has ended: a chat goes on to its next reply

}  // namespace bitnet
