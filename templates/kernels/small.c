// small: several tokens, any number. A register tile is t rows x c tokens; the codes of a chunk are
// unpacked once, by shifts (t2 scheme 1, one accumulator a row vec and token), and serve all c
// tokens from registers.
//   t/V_LANES * c accumulators should fit the registers: t32_c8 is 16 of 32 (avx512vnni).
// Loops: 64 tokens, panels, K blocks of k, tiles. So a panel (r*K/4 bytes) comes from memory once
// in 64 tokens and stays in L2 with their activations (64*K bytes); k keeps what a tile reads in L1
// where K is large.
#include "templates/kernels/kernel.h"

enum { kTokenBlock = 64, kMostTokens = 16, kMostVecs = 4, kScheme = 1 };

V_INLINE int tile_vecs(void) { return P_t / V_LANES; }

V_INLINE int fits(void) {
  return packing_fits() && P_t % V_LANES == 0 && P_r % P_t == 0 && tile_vecs() <= kMostVecs &&
         P_c <= kMostTokens && t2_exact_chunks(kScheme) % P_u == 0 && P_k % (kChunkK * P_u) == 0;
}

void BN_NAME(sizes)(int64_t n, int64_t k, BnSizes* sizes) {
  *sizes = (BnSizes){.packed_bytes = packed_bytes(n, k),
                     .form_group_tokens = 1,
                     .form_group_bytes = form_bytes(k),
                     .scratch_bytes = 4 * kTokenBlock * P_r,
                     .exact_k = fits() ? BN_MAX_K : 0,
                     .row_step = P_r,
                     .token_step = 1,
                     .split = BN_SPLIT_ROWS};
}

// Adds chunks c0..c1 of one tile to dots[tokens][r]. panel and dots begin at the tile's first row,
// x at its first token, whose rows are ldx apart. Chunks past the last may be read, their x is
// zero.
V_INLINE void tile(const uint8_t* panel, const int8_t* x, int64_t ldx, int64_t c0, int64_t c1,
                   const int tokens, int32_t* dots) {
  vec acc[kMostTokens][kMostVecs];
#pragma clang loop unroll(full)
  for (int m = 0; m < tokens; ++m)
#pragma clang loop unroll(full)
    for (int v = 0; v < tile_vecs(); ++v) acc[m][v] = v_zero();
  for (int64_t c = c0; c < c1; c += P_u) {
#pragma clang loop unroll(full)
    for (int u = 0; u < P_u; ++u) {
      const uint8_t* chunk = panel + (c + u) * 4 * P_r;
      const int8_t* xc = x + (c + u) * kChunkK;
      if (P_pf)
#pragma clang loop unroll(full)
        for (int i = 0; i < 4 * P_t; i += 64) v_prefetch(chunk + P_pf + i);
#pragma clang loop unroll(full)
      for (int s = 0; s < 4; ++s) {
        vec codes[kMostVecs];
#pragma clang loop unroll(full)
        for (int v = 0; v < tile_vecs(); ++v)
          codes[v] = t2_decode(v_load(chunk + v * V_BYTES), s, kScheme);
#pragma clang loop unroll(full)
        for (int m = 0; m < tokens; ++m) {
          const vec xs = v_dup32(xc + m * ldx + 4 * s);
#pragma clang loop unroll(full)
          for (int v = 0; v < tile_vecs(); ++v) acc[m][v] = v_mac(acc[m][v], codes[v], xs);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int m = 0; m < tokens; ++m)
#pragma clang loop unroll(full)
    for (int v = 0; v < tile_vecs(); ++v) {
      int32_t* d = dots + m * P_r + v * V_LANES;
      v_store(d, v_add32(v_load(d), v_widen(acc[m][v], 0)));
    }
}

// All tiles of a panel for `tokens` tokens, chunks c0..c1, in intervals that 16-bit lanes bear.
V_INLINE void tiles(const uint8_t* panel, const int8_t* x, int64_t ldx, int64_t c0, int64_t c1,
                    const int tokens, int32_t* dots) {
  const int64_t exact = t2_exact_chunks(kScheme);
#pragma clang loop unroll(disable)
  for (int row = 0; row < P_r; row += P_t)
#pragma clang loop unroll(disable)
    for (int64_t c = c0; c < c1; c += exact)
      tile(panel + 4 * row, x, ldx, c, min64(c + exact, c1), tokens, dots + row);
}

// One panel for tokens m0..m1 (at most kTokenBlock): tiles of c tokens, then what is left by 4, 2
// and 1.
V_INLINE void panel_dots(const uint8_t* panel, const int8_t* x, int64_t ldx, int64_t tokens,
                         int64_t chunks, int32_t* dots) {
  const int64_t block = P_k ? P_k / kChunkK : chunks;
  for (int64_t c0 = 0; c0 < chunks; c0 += block) {
    const int64_t c1 = min64(c0 + block, chunks);
    for (int64_t m = 0; m < tokens;) {
      const int64_t left = tokens - m;
      const int8_t* xm = x + m * ldx;
      int32_t* dm = dots + m * P_r;
      if (left >= P_c) {
        tiles(panel, xm, ldx, c0, c1, P_c, dm), m += P_c;
      } else if (P_c > 4 && left >= 4) {
        tiles(panel, xm, ldx, c0, c1, 4, dm), m += 4;
      } else if (P_c > 2 && left >= 2) {
        tiles(panel, xm, ldx, c0, c1, 2, dm), m += 2;
      } else {
        tiles(panel, xm, ldx, c0, c1, 1, dm), m += 1;
      }
    }
  }
}

void BN_NAME(run)(const BnRun* r) {
  const int64_t k = run_k(r);
  int32_t* dots = (int32_t*)r->scratch;
  for (int64_t m0 = r->m0; m0 < r->m1; m0 += kTokenBlock) {
    const int64_t tokens = min64(kTokenBlock, r->m1 - m0);
    for (int64_t n = r->n0; n < r->n1; n += P_r) {
// Left alone, LLVM vectorises over tokens and scatters: 64 scatters for 16 tokens of 32 rows.
#pragma clang loop vectorize(disable)
      for (int64_t m = 0; m < tokens; ++m) {
        const int32_t x_sum = form_sum(r->form, m0 + m, k);
        for (int row = 0; row < P_r; ++row) dots[m * P_r + row] = -x_sum;
      }
      panel_dots(packed_panel(r->packed, n, k), form_row(r->form, m0, k), form_bytes(k), tokens,
                 t2_chunks(k), dots);
      for (int64_t m = 0; m < tokens; ++m)
        bn_epilogue(r, m0 + m, n, dots + m * P_r, min64(P_r, r->n1 - n));
    }
  }
}
