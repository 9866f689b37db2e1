// Templates that the structural check refuses, one a macro: BROKEN_CALL, BROKEN_LIBCALL,
// BROKEN_VLA, BROKEN_STACK, BROKEN_STATE, BROKEN_POINTER, BROKEN_TABLE, BROKEN_MISSING,
// BROKEN_CONSTRUCTOR.
#include "abi/kernel.h"

#define EXPORT __attribute__((visibility("default")))
EXPORT void broken_facts(BnFacts* facts);
EXPORT void broken_sizes(int64_t n, int64_t k, BnSizes* sizes);
EXPORT void broken_pack(const BnPack* p);
EXPORT void broken_prepare(const BnPrepare* p);
EXPORT void broken_run(const BnRun* r);

#ifdef BROKEN_CONSTRUCTOR
__attribute__((constructor)) static void set_up(void) { __asm__ volatile("nop"); }
#endif
#ifdef BROKEN_STATE
static int calls;
#endif
#ifdef BROKEN_MISSING
extern const int P_missing;
#endif
#ifdef BROKEN_TABLE
static const int kOne = 1, kTwo = 2;
static const struct {
  const int* p;
  int x;
} kPointers[] = {{&kOne, 1}, {&kTwo, 2}, {&kOne, 3}};  // needs relocations
#endif
void elsewhere(int32_t* y);

void broken_facts(BnFacts* facts) { *facts = (BnFacts){.unfit = BN_FITS}; }
void broken_sizes(int64_t n, int64_t k, BnSizes* sizes) {
  *sizes = (BnSizes){.packed_bytes = n * k};
}
void broken_pack(const BnPack* p) { p->packed[0] = 0; }
void broken_prepare(const BnPrepare* p) { p->form[0] = 0; }

void broken_run(const BnRun* r) {
  int32_t* y = (int32_t*)r->y;
  y[0] = 0;
#ifdef BROKEN_CALL
  elsewhere(y);
#endif
#ifdef BROKEN_LIBCALL
  __builtin_memcpy(y, r->packed, (unsigned long)r->n);
#endif
#ifdef BROKEN_VLA
  volatile int32_t sums[r->n];
  sums[r->n - 1] = 1;
  y[0] = sums[0];
#endif
#ifdef BROKEN_STACK
  volatile int32_t sums[4096];
  for (int i = 0; i < 4096; ++i) sums[i] = i;
  y[0] = sums[r->n & 4095];
#endif
#ifdef BROKEN_STATE
  y[0] = ++calls;
#endif
#ifdef BROKEN_POINTER
  ((void (*)(int32_t*))r->packed)(y);
#endif
#ifdef BROKEN_MISSING
  y[0] = P_missing;
#endif
#ifdef BROKEN_TABLE
  y[0] = *kPointers[r->n % 3].p + kPointers[r->n % 3].x;
#endif
}
