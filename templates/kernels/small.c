// small: several tokens, any number, by register tiles (tiles.h).
// Loops: 64 tokens, panels, K blocks of k, tiles. So a panel (r*K/4 bytes) comes from memory once
// in 64 tokens and stays in L2 with their activations (64*K bytes); k keeps what a tile reads in L1
// where K is large.
#include "templates/kernels/tiles.h"

enum { kTokenBlock = 64 };

V_INLINE enum BnUnfit unfit(void) {
  if (tiles_unfit()) return tiles_unfit();
  return P_k % (kChunkK * P_u) ? BN_UNFIT_BLOCK : BN_FITS;
}

void BN_NAME(facts)(BnFacts* facts) {
  *facts = facts_of(unfit());
  facts->loop_products = P_u * P_t * P_c * kChunkK;
  facts->check_tokens = tile_check_tokens();
  facts->check_rows = P_r;
  facts->check_k = max64(tile_check_k(), P_k + 1);
}

V_INLINE int64_t dots_bytes(void) { return 4 * tile_room(kTokenBlock) * P_r; }

void BN_NAME(sizes)(int64_t n, int64_t k, BnSizes* sizes) {
  *sizes = (BnSizes){.packed_bytes = packed_bytes(n, k),
                     .form_group_tokens = 1,
                     .form_group_bytes = form_bytes(k),
                     .scratch_bytes = dots_bytes() + tile_rest_bytes(k),
                     .exact_k = BN_MAX_K,
                     .row_step = P_r,
                     .token_step = 1,
                     .split = BN_SPLIT_ROWS};
}

void BN_NAME(run)(const BnRun* r) {
  const int64_t block = packing_chunks(P_k ? P_k : run_k(r));
  int32_t* dots = (int32_t*)r->scratch;
  for (int64_t m0 = r->m0; m0 < r->m1; m0 += kTokenBlock) {
    const TileTokens t =
        tile_tokens(r, m0, min64(kTokenBlock, r->m1 - m0), r->scratch + dots_bytes());
    for (int64_t n = r->n0; n < r->n1; n += P_r) {
      tile_dots(r, n, m0, &t, block, dots);
      for (int64_t m = 0; m < t.tokens; ++m)
        bn_epilogue(r, m0 + m, n, dots + m * P_r, min64(P_r, r->n1 - n));
    }
  }
}
