// gemv: one token at a time, a panel of r rows at a time, so that the weights are one sequential
// stream. A chunk of the panel is loaded once; its codes are masked in place (by the packing's
// scheme s) and multiply-accumulated with broadcast activations.
//   r/V_LANES vecs * scales accumulators should fit the registers: r32_s4 is 8 of 32 (avx512vnni),
//   8 of 16 for r16_s4 (avxvnni); maddubs levels have r32_s2.
// 16-bit lanes are widened into int32 dots in scratch every packing_exact_chunks(); 32-bit lanes
// once, at the end.
//
// Prefetching has four styles: none, every line pf bytes ahead, page heads (ph lines of the next
// 4 KB page, once a page), or both. Measured on a Zen 5: heads lift a stream from memory 1.2 to 1.5
// times, where every line gains nothing; 1, 2 or 4 lines are equal, 8 lose. On a Zen 3 it is every
// line that pays (docs/KERNELS.md).
#include "templates/kernels/kernel.h"

enum { kMostVecs = 16, kPageBytes = 4096 };  // kMostPanelRows in 16-byte vecs

V_INLINE enum BnUnfit unfit(int64_t group) {
  if (packing_unfit()) return packing_unfit();
  if (groups_unfit(group, P_u * kChunkK)) return BN_UNFIT_GROUP;
  if (packing_exact_chunks(P_s) % P_u) return BN_UNFIT_INTERVAL;
  if (kMostCode << (2 * packing_top_scale(P_s)) > V_MAX_CODE) return BN_UNFIT_CODE;
  return BN_FITS;
}

void BN_NAME(facts)(int64_t group, BnFacts* facts) {
  *facts = facts_of(unfit(group));
  facts->loop_products = P_u * P_r * kChunkK;
  facts->check_tokens = min64(2, BN_TOKENS_MAX);
  facts->check_rows = P_r;
  facts->check_k = interval_check_k(packing_exact_chunks(P_s) * kChunkK, P_u * kChunkK);
}

void BN_NAME(sizes)(int64_t n, int64_t k, int64_t group, BnSizes* sizes) {
  group = group_of(group);
  *sizes = (BnSizes){.packed_bytes = packed_bytes(n, k, group),
                     .form_group_tokens = 1,
                     .form_group_bytes = form_bytes(k, group),
                     .scratch_bytes = (group ? 8 : 4) * P_r,
                     .exact_k = BN_MAX_K,
                     .row_step = P_r,
                     .token_step = 1,
                     .split = BN_SPLIT_ROWS};
}

// Where the next page is asked for: before an interval of exact sums, while that is shorter than a
// page (maddubs levels, whose loop has no slot left: a branch a line cost 10 to 20 %), else before
// each iteration.
V_INLINE int heads_by_iteration(void) {
  return packing_exact_chunks(P_s) * packing_chunk_bytes() > kPageBytes;
}
// at: where the weights of a step begin, the first one in its page or not.
V_INLINE void prefetch_page_head(const uint8_t* at, int64_t step_bytes) {
  const int64_t into = (int64_t)((uintptr_t)at % kPageBytes);
  if (into >= step_bytes) return;
#pragma clang loop unroll(full)
  for (int i = 0; i < P_ph; ++i) v_prefetch(at - into + kPageBytes + 64 * i);
}

// acc[scale][vec] of chunks c0..c1. Chunks past the last may be read, their x is zero.
V_INLINE void sum_chunks(const uint8_t* panel, const int8_t* x, int64_t c0, int64_t c1,
                         vec acc[kPositions][kMostVecs]) {
  for (int64_t c = c0; c < c1; c += P_u) {
    if (P_ph && heads_by_iteration())
      prefetch_page_head(panel + c * packing_chunk_bytes(), P_u * packing_chunk_bytes());
#pragma clang loop unroll(full)
    for (int u = 0; u < P_u; ++u) {
      const uint8_t* chunk = panel + (c + u) * packing_chunk_bytes();
      const int8_t* xc = x + packing_chunk_k(c + u);
      prefetch_ahead(chunk, packing_chunk_bytes());
#pragma clang loop unroll(full)
      for (int v = 0; v < P_r / V_LANES; ++v) {
        const vec codes = v_load(chunk + v * V_BYTES);
#pragma clang loop unroll(full)
        for (int s = 0; s < kPositions; ++s) {
          vec* sum = &acc[packing_scale(s, P_s)][v];
          *sum = v_mac(*sum, packing_decode(codes, s, P_s), v_dup32(xc + 4 * s));
        }
      }
    }
  }
}

// dots[r] of a panel. All scales are joined at the largest one, 4^top, and divided at the end,
// which is exact: |4^top * sum(code * x)| <= 64 * 2 * 127 * K < 2^31 for K <= BN_MAX_K
// and top <= 3.
V_INLINE void panel_dots(const uint8_t* panel, const int8_t* x, int32_t x_sum, int64_t chunks,
                         int32_t* dots) {
  const int top = packing_top_scale(P_s);
  const int64_t exact = packing_exact_chunks(P_s);
#pragma clang loop unroll(full)
  for (int row = 0; row < P_r; ++row) dots[row] = -x_sum * (1 << (2 * top));
  for (int64_t c = 0; c < chunks; c += exact) {
    if (P_ph && !heads_by_iteration())
      prefetch_page_head(panel + c * packing_chunk_bytes(), exact * packing_chunk_bytes());
    vec acc[kPositions][kMostVecs];
#pragma clang loop unroll(full)
    for (int scale = 0; scale <= top; ++scale)
#pragma clang loop unroll(full)
      for (int v = 0; v < P_r / V_LANES; ++v) acc[scale][v] = v_zero();
    sum_chunks(panel, x, c, min64(c + exact, chunks), acc);
#pragma clang loop unroll(full)
    for (int v = 0; v < P_r / V_LANES; ++v) {
      vec sum = v_load(dots + v * V_LANES);
#pragma clang loop unroll(full)
      for (int scale = 0; scale <= top; ++scale)
        sum = v_add32(sum, v_widen(acc[scale][v], 2 * (top - scale)));
      v_store(dots + v * V_LANES, sum);
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < P_r / V_LANES; ++v)
    v_store(dots + v * V_LANES, v_sar32(v_load(dots + v * V_LANES), 2 * top));
}

// results[r] of a panel, as bn_epilogue wants them; with groups, room for as many dot products lies
// behind them. Without groups all of K is one, so that the loop that works stands here once.
V_INLINE void panel_results(const uint8_t* panel, const int8_t* x, int64_t k, int64_t group,
                            int32_t* results) {
  const FormGroup* of_x = groups_of_row(x, k);
  int32_t* dots = group ? results + P_r : results;
  float* y = (float*)results;
  if (group)
    for (int row = 0; row < P_r; ++row) y[row] = 0;
  for (int64_t g = 0; g < form_groups(k, group); ++g) {
    panel_dots(panel, x + g * group, of_x[g].sum, packing_chunks(group ? group : k), dots);
    if (!group) continue;
    bn_add_group(dots, group_weight_scales(panel, group), of_x[g].scale, P_r, y);
    panel += packing_group_bytes(group);
  }
}

void BN_NAME(run)(const BnRun* r) {
  const int64_t k = run_k(r), group = group_of(r->group);
  int32_t* results = (int32_t*)r->scratch;
  for (int64_t m = r->m0; m < r->m1; ++m) {
    const int8_t* x = form_row(r->form, m, k, group);
    for (int64_t n = r->n0; n < r->n1; n += P_r) {
      panel_results(packed_panel(r->packed, n, k, group), x, k, group, results);
      bn_epilogue(r, group, m, n, results, min64(P_r, r->n1 - n));
    }
  }
}
