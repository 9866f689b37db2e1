// What every kernel template begins with. The build says which instance it is:
//   BN_ISA      ssse3 ...          isa/vec_<isa>.h, or its twin where BN_TWIN is defined
//   BN_FORM     rows               forms/<form>.h
//   BN_PACKING  t2 ...             packings/<packing>.h; a kernel asks codes.h or lookup.h of it
//   BN_TOKENS_MIN, BN_TOKENS_MAX   the class of M that the catalogue gives it
//   BN_PREFIX   what the five functions' names begin with
// Includes come in this order because each uses the names of those before it.
#ifndef BITNET_TEMPLATES_KERNELS_KERNEL_H_
#define BITNET_TEMPLATES_KERNELS_KERNEL_H_

#include <stdint.h>

#include "abi/kernel.h"
#include "templates/float_ops.h"
#include "templates/isa/isa.h"
#include "templates/params.h"

// The group of the arguments; where the code is for one group size only, a constant, so that code
// for groups is none of a kernel without them.
V_INLINE int64_t group_of(int64_t group) { return P_G < 0 ? group : P_G; }

#include BN_FILE(forms, BN_FORM)
#include BN_FILE(packings, BN_PACKING)

#define BN_NAME(function) BN_JOIN(BN_PREFIX, _##function)
#define BN_EXPORT __attribute__((visibility("default")))

BN_EXPORT void BN_NAME(pack)(const BnPack* p);
BN_EXPORT void BN_NAME(prepare)(const BnPrepare* p);
BN_EXPORT void BN_NAME(facts)(int64_t group, BnFacts* facts);
BN_EXPORT void BN_NAME(sizes)(int64_t n, int64_t k, int64_t group, BnSizes* sizes);
BN_EXPORT void BN_NAME(run)(const BnRun* r);

void BN_NAME(pack)(const BnPack* p) { pack(p); }
void BN_NAME(prepare)(const BnPrepare* p) { prepare(p); }

// The facts that every kernel states alike; the kernel adds those of its loops.
V_INLINE BnFacts facts_of(enum BnUnfit unfit) {
  BnFacts facts = {.unfit = unfit, .tokens_min = BN_TOKENS_MIN, .tokens_max = BN_TOKENS_MAX};
  packing_layout(facts.layout);
  return facts;
}

V_INLINE int64_t run_k(const BnRun* r) { return P_K ? P_K : r->k; }
V_INLINE int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
V_INLINE int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
// The `bytes` of packed weights that lie pf ahead.
V_INLINE void prefetch_ahead(const uint8_t* packed, int bytes) {
  if (P_pf)
#pragma clang loop unroll(full)
    for (int i = 0; i < bytes; i += 64) v_prefetch(packed + P_pf + i);
}

// A K that goes through an interval of exact sums and, where K may be long enough, into the next.
V_INLINE int64_t interval_check_k(int64_t exact_k, int64_t step_k) {
  return (exact_k < BN_MAX_K ? exact_k : 0) + step_k + 1;
}

// A group is whole iterations of a loop of step_k input features, a panel whole bn_add_group()s.
V_INLINE enum BnUnfit groups_unfit(int64_t group, int64_t step_k) {
  if (P_G >= 0 && group != P_G) return BN_UNFIT_GROUP;
  return group && (group % step_k || P_r % 16) ? BN_UNFIT_GROUP : BN_FITS;
}

V_INLINE int64_t round_up(int64_t a, int64_t unit) { return (a + unit - 1) / unit * unit; }

#endif  // BITNET_TEMPLATES_KERNELS_KERNEL_H_
