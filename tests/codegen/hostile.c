// Shared libraries that a kernel cache must not be, made by the system's linker; whatever of them
// runs, traps.
#ifdef HOSTILE_CONSTRUCTOR
__attribute__((constructor)) static void trap(void) { __builtin_trap(); }
#endif
void hostile(void);
void hostile(void) { __builtin_trap(); }
#ifdef HOSTILE_RELOCATION
static const int target = 1;
const int* const pointer = &target;
#endif
#ifdef HOSTILE_STATE
int state[64] = {1};
#endif
#ifdef HOSTILE_WRITABLE_CODE
__asm__(".section .wx, \"awx\", %progbits\n.byte 0\n.previous");
#endif
