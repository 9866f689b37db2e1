// small: several tokens, any number, by register tiles (tiles.h).
// Loops: 64 tokens, panels, K blocks of k, tiles. So a panel (r*K/4 bytes) comes from memory once
// in 64 tokens and stays in L2 with their activations (64*K bytes); k keeps what a tile reads in L1
// where K is large.
#include "templates/kernels/tiles.h"

enum { kTokenBlock = 64 };

V_INLINE enum BnUnfit unfit(int64_t group) {
  if (tiles_unfit(group)) return tiles_unfit(group);
  if (P_k != 0 && group) return BN_UNFIT_GROUP;  // groups are the blocks of K
  return P_k % (kChunkK * P_u) ? BN_UNFIT_BLOCK : BN_FITS;
}

void BN_NAME(facts)(int64_t group, BnFacts* facts) {
  *facts = facts_of(unfit(group));
  facts->loop_products = P_u * P_t * P_c * kChunkK;
  facts->check_tokens = tile_check_tokens();
  facts->check_rows = P_r;
  facts->check_k = max64(tile_check_k(), P_k + 1);
}

V_INLINE int64_t results_bytes(int64_t group) { return 4 * tile_cells(kTokenBlock, group); }

void BN_NAME(sizes)(int64_t n, int64_t k, int64_t group, BnSizes* sizes) {
  group = group_of(group);
  *sizes = (BnSizes){.packed_bytes = packed_bytes(n, k, group),
                     .form_group_tokens = 1,
                     .form_group_bytes = form_bytes(k, group),
                     .scratch_bytes = results_bytes(group) + tile_rest_bytes(k, group),
                     .exact_k = BN_MAX_K,
                     .row_step = P_r,
                     .token_step = 1,
                     .split = BN_SPLIT_ROWS};
}

void BN_NAME(run)(const BnRun* r) {
  const int64_t block = packing_chunks(P_k ? P_k : run_k(r)), group = group_of(r->group);
  int32_t* results = (int32_t*)r->scratch;
  for (int64_t m0 = r->m0; m0 < r->m1; m0 += kTokenBlock) {
    const TileTokens t =
        tile_tokens(r, m0, min64(kTokenBlock, r->m1 - m0), r->scratch + results_bytes(group));
    for (int64_t n = r->n0; n < r->n1; n += P_r) {
      tile_results(r, n, &t, block, results);
      for (int64_t m = 0; m < t.tokens; ++m)
        bn_epilogue(r, group, m0 + m, n, results + m * P_r, min64(P_r, r->n1 - n));
    }
  }
}
