// Ctrl-C: the first ends the reply, a second one before the reply has ended ends the program (exit
// code 130).
#pragma once

namespace bitnet {

void install_interrupt_handler();
bool interrupted();
void clear_interrupt();  // a new reply begins

}  // namespace bitnet
