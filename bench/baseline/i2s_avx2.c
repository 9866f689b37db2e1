// The fixed baseline of the report: what bitnet.cpp ships for AVX2, written anew on this project's
// calling convention. The I2_S layout of published files (128 weights in 32 bytes: byte j holds
// weights j, j+32, j+64, j+96, the first in the high bits), shift and mask, vpmaddubsw, four rows
// at once for one token, four tokens at once for many (its ROW 4, PARALLEL 4). Rows here are padded
// to whole blocks, so that any K works. Its own 16-bit sums may overflow; these are widened in
// time.
#include <immintrin.h>
#include <stdint.h>

#include "abi/kernel.h"
#include "templates/float_ops.h"

#define EXPORT __attribute__((visibility("default")))

enum {
  kBlock = 128,  // weights of a block, in 32 bytes
  kBlockBytes = 32,
  kRows = 4,          // of a tile; also tokens of a tile
  kPanel = 64,        // rows between two epilogues
  kExactBlocks = 16,  // 16 blocks * 4 products * 2 * 2 * 127 = 32512 < 2^15
};

static int64_t blocks_of(int64_t k) { return (k + kBlock - 1) / kBlock; }
static int64_t row_bytes(int64_t k) { return blocks_of(k) * kBlockBytes; }
// The form of a token: x padded with zeros to whole blocks, then the sum of x in 64 bytes.
static int64_t form_bytes(int64_t k) { return blocks_of(k) * kBlock + 64; }

EXPORT void i2s_avx2_facts(int64_t group, BnFacts* facts) {
  *facts = (BnFacts){.unfit = group ? BN_UNFIT_GROUP : BN_FITS,
                     .tokens_min = 1,
                     .tokens_max = BN_ANY_TOKENS,
                     .layout = {kBlock},
                     .loop_products = 0,
                     .check_tokens = 2 * kRows - 1,
                     .check_rows = kPanel,
                     .check_k = (kExactBlocks + 1) * kBlock + 1};
}

EXPORT void i2s_avx2_sizes(int64_t n, int64_t k, int64_t group, BnSizes* sizes) {
  (void)group;
  *sizes = (BnSizes){.packed_bytes = n * row_bytes(k),
                     .form_group_tokens = 1,
                     .form_group_bytes = form_bytes(k),
                     .scratch_bytes = 0,
                     .exact_k = BN_MAX_K,
                     .row_step = kRows,
                     .token_step = 1,
                     .split = BN_SPLIT_ROWS};
}

EXPORT void i2s_avx2_pack(const BnPack* p) {
  for (int64_t n = p->n0; n < p->n1; ++n) {
    const int8_t* trits = p->trits + (n - p->n0) * p->k;
    uint8_t* row = p->packed + n * row_bytes(p->k);
    for (int64_t byte = 0; byte < row_bytes(p->k); ++byte) {
      const int64_t first = byte / kBlockBytes * kBlock + byte % kBlockBytes;
      unsigned codes = 0;
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t k = first + 32 * i;
        codes = codes << 2 | (unsigned)(k < p->k ? trits[k] + 1 : 1);
      }
      row[byte] = (uint8_t)codes;
    }
  }
}

EXPORT void i2s_avx2_prepare(const BnPrepare* p) {
  for (int64_t m = p->m0; m < p->m1; ++m) {
    const int8_t* x = p->x + m * p->ldx;
    int8_t* form = (int8_t*)p->form + m * form_bytes(p->k);
    int32_t sum = 0;
    for (int64_t k = 0; k < p->k; ++k) sum += form[k] = x[k];
    for (int64_t k = p->k; k < blocks_of(p->k) * kBlock; ++k) form[k] = 0;
    *(int32_t*)(form + blocks_of(p->k) * kBlock) = sum;
  }
}

static inline __m256i products(__m256i bytes, const int8_t* x) {
  const __m256i mask = _mm256_set1_epi8(3);
  const __m256i c0 = _mm256_and_si256(_mm256_srli_epi16(bytes, 6), mask);
  const __m256i c1 = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask);
  const __m256i c2 = _mm256_and_si256(_mm256_srli_epi16(bytes, 2), mask);
  const __m256i c3 = _mm256_and_si256(bytes, mask);
  const __m256i* v = (const __m256i*)x;
  const __m256i p01 = _mm256_add_epi16(_mm256_maddubs_epi16(c0, _mm256_loadu_si256(v)),
                                       _mm256_maddubs_epi16(c1, _mm256_loadu_si256(v + 1)));
  const __m256i p23 = _mm256_add_epi16(_mm256_maddubs_epi16(c2, _mm256_loadu_si256(v + 2)),
                                       _mm256_maddubs_epi16(c3, _mm256_loadu_si256(v + 3)));
  return _mm256_add_epi16(p01, p23);
}

static inline __m256i widen(__m256i sum, __m256i words) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
}

static inline int32_t lanes_sum(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

// Four products of a row and a token each: steps are distances of the four rows and of the four
// tokens, one of them 0.
static inline __attribute__((always_inline)) void four(const uint8_t* w, int64_t w_step,
                                                       const int8_t* x, int64_t x_step,
                                                       int64_t blocks, int32_t* dots) {
  __m256i sums[kRows];
#pragma clang loop unroll(full)
  for (int i = 0; i < kRows; ++i) sums[i] = _mm256_setzero_si256();
  for (int64_t b0 = 0; b0 < blocks; b0 += kExactBlocks) {
    const int64_t b1 = b0 + kExactBlocks < blocks ? b0 + kExactBlocks : blocks;
    __m256i words[kRows];
    for (int i = 0; i < kRows; ++i) words[i] = _mm256_setzero_si256();
    for (int64_t b = b0; b < b1; ++b) {
      for (int i = 0; i < kRows; ++i) {
        const __m256i bytes =
            _mm256_loadu_si256((const __m256i*)(w + i * w_step + b * kBlockBytes));
        words[i] = _mm256_add_epi16(words[i], products(bytes, x + i * x_step + b * kBlock));
      }
    }
    for (int i = 0; i < kRows; ++i) sums[i] = widen(sums[i], words[i]);
  }
  for (int i = 0; i < kRows; ++i) dots[i] = lanes_sum(sums[i]);
}

// dots[rows] of one token, four rows at a time.
static void one_token(const uint8_t* w, int64_t row, int64_t rows, const int8_t* x, int64_t blocks,
                      int32_t* dots) {
  int64_t i = 0;
  for (; i + kRows <= rows; i += kRows) four(w + i * row, row, x, 0, blocks, dots + i);
  for (; i < rows; ++i) {  // nothing past the matrix is read
    int32_t same[kRows];
    four(w + i * row, 0, x, 0, blocks, same);
    dots[i] = same[0];
  }
  const int32_t sum = *(const int32_t*)(x + blocks * kBlock);
  for (i = 0; i < rows; ++i) dots[i] -= sum;
}

// dots[token][rows] of four tokens: a row's bytes are unpacked once for them.
static void four_tokens(const uint8_t* w, int64_t row, int64_t rows, const int8_t* x, int64_t form,
                        int64_t blocks, int32_t dots[kRows][kPanel]) {
  for (int64_t i = 0; i < rows; ++i) {
    int32_t of_row[kRows];
    four(w + i * row, 0, x, form, blocks, of_row);
    for (int j = 0; j < kRows; ++j)
      dots[j][i] = of_row[j] - *(const int32_t*)(x + j * form + blocks * kBlock);
  }
}

EXPORT void i2s_avx2_run(const BnRun* r) {
  const int64_t blocks = blocks_of(r->k), form = form_bytes(r->k), row = row_bytes(r->k);
  int32_t dots[kRows][kPanel];
  for (int64_t n = r->n0; n < r->n1; n += kPanel) {
    const int64_t rows = n + kPanel < r->n1 ? kPanel : r->n1 - n;
    const uint8_t* w = r->packed + n * row;
    int64_t m = r->m0;
    for (; m + kRows <= r->m1; m += kRows) {
      four_tokens(w, row, rows, (const int8_t*)r->form + m * form, form, blocks, dots);
      for (int j = 0; j < kRows; ++j) bn_epilogue(r, 0, m + j, n, dots[j], rows);
    }
    for (; m < r->m1; ++m) {
      one_token(w, row, rows, (const int8_t*)r->form + m * form, blocks, dots[0]);
      bn_epilogue(r, 0, m, n, dots[0], rows);
    }
  }
}
