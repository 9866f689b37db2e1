// The smallest template that has everything: parameters, a shape, a loop, a table, five functions.
// It packs trits as bytes and counts with P_step at a time; P_N and P_K become constants of the
// code.
#include "abi/kernel.h"

#ifdef BN_BITCODE
extern const int P_step, P_bias, P_N, P_K;
#else
#define P_N 0
#define P_K 0
#endif

#define EXPORT __attribute__((visibility("default")))
EXPORT void leaf_facts(int64_t group, BnFacts* facts);
EXPORT void leaf_sizes(int64_t n, int64_t k, int64_t group, BnSizes* sizes);
EXPORT void leaf_pack(const BnPack* p);
EXPORT void leaf_prepare(const BnPrepare* p);
EXPORT void leaf_run(const BnRun* r);

static const int kTable[8] = {1, 2, 3, 5, 7, 11, 13, 17};

void leaf_facts(int64_t group, BnFacts* facts) {
  *facts = (BnFacts){.unfit = group ? BN_UNFIT_GROUP : BN_FITS,
                     .tokens_min = 1,
                     .tokens_max = BN_ANY_TOKENS,
                     .layout = {0},
                     .loop_products = P_step,
                     .check_tokens = 1,
                     .check_rows = 1,
                     .check_k = P_step + 1};
}

void leaf_sizes(int64_t n, int64_t k, int64_t group, BnSizes* sizes) {
  (void)group;
  *sizes = (BnSizes){.packed_bytes = n * k,
                     .form_group_tokens = 1,
                     .form_group_bytes = k,
                     .scratch_bytes = 0,
                     .exact_k = BN_MAX_K,
                     .row_step = 1,
                     .token_step = 1,
                     .split = BN_SPLIT_ROWS};
}

void leaf_pack(const BnPack* p) {
  for (int64_t i = 0; i < (p->n1 - p->n0) * p->k; ++i)
    p->packed[p->n0 * p->k + i] = (uint8_t)(p->trits[i] + 1);
}

void leaf_prepare(const BnPrepare* p) {
  for (int64_t m = p->m0; m < p->m1; ++m)
    for (int64_t k = 0; k < p->k; ++k) p->form[m * p->k + k] = (uint8_t)p->x[m * p->ldx + k];
}

void leaf_run(const BnRun* r) {
  const int64_t k = P_K ? P_K : r->k;
  for (int64_t m = r->m0; m < r->m1; ++m)
    for (int64_t n = r->n0; n < r->n1; ++n) {
      int32_t sum = P_bias + kTable[n & 7] - kTable[n & 7];
      for (int64_t i = 0; i < k; i += P_step)
#pragma clang loop unroll(full)
        for (int u = 0; u < P_step; ++u)
          if (i + u < k) sum += (r->packed[n * k + i + u] - 1) * (int8_t)r->form[m * k + i + u];
      ((int32_t*)r->y)[m * r->ldy + n] = sum;
    }
}
