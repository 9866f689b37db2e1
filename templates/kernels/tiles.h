// Register tiles of t rows x c tokens, for kernels that serve several tokens: the codes of a chunk
// are unpacked once, in the packing's plain scheme (no scales: one accumulator a row vec and
// token), and serve all c tokens from registers.
//   t/V_LANES * c accumulators should fit the registers: t32_c8 is 16 of 32 (avx512vnni).
//
// What is left of the tokens, fewer than c: where an accumulator takes four products a step (VNNI,
// dotprod), a tile of few tokens waits for its own sums, so that 1 to 4 tokens take the same time.
// The rest is copied there and padded to a tile of 2, 4 or c tokens. Elsewhere every token costs
// its share, and the rest is tiles of 4, 2 and 1.
#ifndef BITNET_TEMPLATES_KERNELS_TILES_H_
#define BITNET_TEMPLATES_KERNELS_TILES_H_

#include "templates/kernels/kernel.h"

enum { kMostTileTokens = 16, kMostTileVecs = 4, kPadRest = V_MAC_PRODUCTS == 4 };

V_INLINE int tile_vecs(void) { return P_t / V_LANES; }

V_INLINE enum BnUnfit tiles_unfit(int64_t group) {
  if (packing_unfit()) return packing_unfit();
  if (groups_unfit(group, P_u * kChunkK)) return BN_UNFIT_GROUP;
  if (P_t % V_LANES || P_r % P_t) return BN_UNFIT_TILE;
  if (tile_vecs() > kMostTileVecs || P_c > kMostTileTokens) return BN_UNFIT_REGISTERS;
  return packing_exact_chunks(kPlainScheme) % P_u ? BN_UNFIT_INTERVAL : BN_FITS;
}

// A whole tile and every rest.
V_INLINE int64_t tile_check_tokens(void) { return 2 * P_c - 1; }
V_INLINE int64_t tile_check_k(void) {
  return interval_check_k(packing_exact_chunks(kPlainScheme) * kChunkK, P_u * kChunkK);
}

// Adds chunks c0..c1 of one tile to dots[tokens][r]. panel and dots begin at the tile's first row,
// x at its first token, whose rows are ldx apart. Chunks past the last may be read, their x is
// zero.
V_INLINE void tile(const uint8_t* panel, const int8_t* x, int64_t ldx, int64_t c0, int64_t c1,
                   const int tokens, int32_t* dots) {
  // Two sets of accumulators halve the wait where there are two tokens.
  const int sets = kPadRest && tokens <= 2 ? 2 : 1;
  vec acc[2 * kMostTileTokens][kMostTileVecs];
#pragma clang loop unroll(full)
  for (int m = 0; m < sets * tokens; ++m)
#pragma clang loop unroll(full)
    for (int v = 0; v < tile_vecs(); ++v) acc[m][v] = v_zero();
  for (int64_t c = c0; c < c1; c += P_u) {
#pragma clang loop unroll(full)
    for (int u = 0; u < P_u; ++u) {
      const uint8_t* chunk = panel + (c + u) * packing_chunk_bytes();
      const int8_t* xc = x + packing_chunk_k(c + u);
      prefetch_ahead(chunk, 4 * P_t);
#pragma clang loop unroll(full)
      for (int s = 0; s < kPositions; ++s) {
        vec codes[kMostTileVecs];
#pragma clang loop unroll(full)
        for (int v = 0; v < tile_vecs(); ++v)
          codes[v] = packing_decode(v_load(chunk + v * V_BYTES), s, kPlainScheme);
#pragma clang loop unroll(full)
        for (int m = 0; m < tokens; ++m) {
          const vec xs = v_dup32(xc + m * ldx + 4 * s);
          vec* sums = acc[s % sets * tokens + m];
#pragma clang loop unroll(full)
          for (int v = 0; v < tile_vecs(); ++v) sums[v] = v_mac(sums[v], codes[v], xs);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int m = 0; m < tokens; ++m)
#pragma clang loop unroll(full)
    for (int v = 0; v < tile_vecs(); ++v) {
      int32_t* d = dots + m * P_r + v * V_LANES;
      vec sum = v_widen(acc[m][v], 0);
      if (sets == 2) sum = v_add32(sum, v_widen(acc[tokens + m][v], 0));
      v_store(d, v_add32(v_load(d), sum));
    }
}

// All tiles of a panel for `tokens` tokens, chunks c0..c1, in intervals that 16-bit lanes bear.
V_INLINE void tiles(const uint8_t* panel, const int8_t* x, int64_t ldx, int64_t c0, int64_t c1,
                    const int tokens, int32_t* dots) {
  const int64_t exact = packing_exact_chunks(kPlainScheme);
#pragma clang loop unroll(disable)
  for (int row = 0; row < P_r; row += P_t)
#pragma clang loop unroll(disable)
    for (int64_t c = c0; c < c1; c += exact)
      tile(panel + 4 * row, x, ldx, c, min64(c + exact, c1), tokens, dots + row);
}

// Tokens beside each other, and the last of them, fewer than c, once more where there is room for
// c.
typedef struct {
  const int8_t* x;
  const int8_t* rest;
  int64_t ldx, tokens;
} TileTokens;

// The tokens that dots must have room for, and the bytes of rest.
V_INLINE int64_t tile_room(int64_t tokens) { return tokens + (kPadRest ? P_c : 0); }
V_INLINE int64_t tile_rest_bytes(int64_t k, int64_t group) {
  return kPadRest ? P_c * form_bytes(k, group) : 0;
}

// Tokens m0, m0 + 1, …
V_INLINE TileTokens tile_tokens(const BnRun* r, int64_t m0, int64_t tokens, uint8_t* rest) {
  const int64_t k = run_k(r), group = group_of(r->group), left = tokens % P_c;
  const TileTokens t = {form_row(r->form, m0, k, group), (const int8_t*)rest, form_bytes(k, group),
                        tokens};
  if (kPadRest)
    for (int64_t i = 0; i < left * t.ldx; i += V_BYTES)
      v_store(rest + i, v_load(t.x + (tokens - left) * t.ldx + i));
  return t;
}

// One panel's chunks, from input feature k0 on: tiles of c tokens, then what is left. block: chunks
// that are taken at once.
V_INLINE void add_tiles(const uint8_t* panel, const TileTokens* t, int64_t k0, int64_t chunks,
                        int64_t block, int32_t* dots) {
  for (int64_t c0 = 0; c0 < chunks; c0 += block) {
    const int64_t c1 = min64(c0 + block, chunks);
    for (int64_t m = 0, step; m < t->tokens; m += step) {
      const int64_t left = t->tokens - m;
      const int8_t* x = (kPadRest && left < P_c ? t->rest : t->x + m * t->ldx) + k0;
      int32_t* d = dots + m * P_r;
      if (left >= P_c || (kPadRest && left > (P_c > 4 ? 4 : 2))) {
        tiles(panel, x, t->ldx, c0, c1, P_c, d), step = P_c;
      } else if (P_c > 4 && left >= (kPadRest ? 3 : 4)) {
        tiles(panel, x, t->ldx, c0, c1, 4, d), step = 4;
      } else if (P_c > 2 && left >= (kPadRest ? 1 : 2)) {
        tiles(panel, x, t->ldx, c0, c1, 2, d), step = 2;
      } else {
        tiles(panel, x, t->ldx, c0, c1, 1, d), step = 1;
      }
    }
  }
}

// dots[tokens][r] = minus the sum of x of group g of each token; the chunks' sums are added.
V_INLINE void begin_dots(const TileTokens* t, int64_t k, int64_t g, int32_t* dots) {
// Left alone, LLVM vectorises over tokens and scatters: 64 scatters for 16 tokens of 32 rows.
#pragma clang loop vectorize(disable)
  for (int64_t m = 0; m < t->tokens; ++m) {
    const int32_t x_sum = groups_of_row(t->x + m * t->ldx, k)[g].sum;
    for (int row = 0; row < P_r; ++row) dots[m * P_r + row] = -x_sum;
  }
}

// results[tokens][r] of the panel that begins with row n, as bn_epilogue wants them; with groups,
// room for as many dot products lies behind them (tile_cells). Without groups all of K is one.
// block: chunks that are taken at once; a group is.
V_INLINE void tile_results(const BnRun* r, int64_t n, const TileTokens* t, int64_t block,
                           int32_t* results) {
  const int64_t k = run_k(r), group = group_of(r->group);
  const int64_t chunks = packing_chunks(group ? group : k);
  const uint8_t* panel = packed_panel(r->packed, n, k, group);
  int32_t* dots = group ? results + tile_room(t->tokens) * P_r : results;
  float* y = (float*)results;
  if (group)
    for (int64_t i = 0; i < t->tokens * P_r; ++i) y[i] = 0;
  for (int64_t g = 0; g < form_groups(k, group); ++g) {
    begin_dots(t, k, g, dots);
    add_tiles(panel, t, g * group, chunks, group ? chunks : block, dots);
    if (!group) continue;
#pragma clang loop unroll(disable)
    for (int64_t m = 0; m < t->tokens; ++m)
      bn_add_group(dots + m * P_r, group_weight_scales(panel, group),
                   groups_of_row(t->x + m * t->ldx, k)[g].scale, P_r, y + m * P_r);
    panel += packing_group_bytes(group);
  }
}
V_INLINE int64_t tile_cells(int64_t tokens, int64_t group) {
  return (group ? 2 : 1) * tile_room(tokens) * P_r;
}

#endif  // BITNET_TEMPLATES_KERNELS_TILES_H_
