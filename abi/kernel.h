// The calling convention between the runtime and its kernels, in C: built-in kernels and kernels of
// a cache alike. A kernel is a leaf: it allocates nothing, calls nothing, keeps no state and cannot
// fail. Everything it needs is in its arguments; whatever could go wrong was checked when the plan
// was made.
//
//   Y[M,N] = X[M,K] * W[N,K]^T     M tokens, N output features (rows of W), K input features
//   W ternary (-1, 0, +1), X int8 in -127..127, dot products exact in int32
//
// Scales. Where group is 0, a segment of rows has one weight scale and a token has one scale.
// Otherwise group is 64, 128 or 256 and divides K: every row has an F16 scale for each `group` of
// its weights, every token a float for each `group` of its activations, and a result is one chain
// of fma over the groups (docs/NUMERICS.md, "One token", 4).
//
// A kernel brings five functions:
//   facts    once a group size, before any shape is known: what the kernel is, and whether it is
//            one at all
//   sizes    once a shape: how large things are and how the work may be split
//   pack     once a matrix, by row ranges, in parallel: canonical trits and scales -> its packing
//   prepare  once an evaluation, by ranges of tokens, shared by threads: X -> its form
//   run      every evaluation, on a part (tokens m0..m1) x (rows n0..n1), by one thread a part
// Why facts and sizes are two: facts serve whoever chooses among kernels, and end with the choice;
// sizes serve whoever calls the chosen one, so a cache keeps them, as numbers.
//
// Alignment: packed, form and scratch are 64-byte aligned. Reading past an end: a kernel may read
// up to 255 bytes past the end of packed, form and scratch, and not a byte past anything else. It
// writes only what its part names.
//
// The order of rows in a fused problem is the runtime's affair: q, k, v are stacked (three
// segments, each with a weight scale); gate and up alternate, row 2i gate i and row 2i+1 up i (two
// segments: even and odd rows).
#ifndef BITNET_ABI_KERNEL_H_
#define BITNET_ABI_KERNEL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Goes up whenever anything in this file changes its meaning; a cache of another version is
// refused.
#define BITNET_ABI_VERSION 3

// What becomes of the int32 dot products. Floats as docs/NUMERICS.md defines them: c = weight_scale
// / token_scale is one division a token and segment, y = (float)dot * c; r is residual_scale.
enum BnEpilogue {
  BN_INT32 = 0,          // int32_t Y[m][n] = dot, group 0 only            (tests and tuning)
  BN_SCALED = 1,         // float   Y[m][n] = dot * c; with groups their chain in the place of it
  BN_SCALED_ADD = 2,     // float   Y[m][n] = Y[m][n] + (dot * c) * r      (the residual stream)
  BN_GATE_UP_SILU = 3,   // float   Y[m][n/2] = silu(g) * u, g of row n, u of row n+1, n even
  BN_GATE_UP_RELU2 = 4,  // float   Y[m][n/2] = relu2(g) * u
};

// Along which axis threads divide a problem. A kernel that builds tables from activations wants
// tokens divided where there are many: by rows every thread would build every table.
enum BnSplit { BN_SPLIT_ROWS = 0, BN_SPLIT_TOKENS = 1 };

// K above this is refused everywhere: 127 * 131072 < 2^24, so a dot product is exact as a float,
// too.
#define BN_MAX_K 131072

// Why a template's parameters make no kernel. A kernel holds no text (a table of pointers would
// need relocations), so it states a number, and the words stand here.
enum BnUnfit {
  BN_FITS = 0,
  BN_UNFIT_VECTORS,
  BN_UNFIT_PANEL,
  BN_UNFIT_OVERRUN,
  BN_UNFIT_TILE,
  BN_UNFIT_REGISTERS,
  BN_UNFIT_INTERVAL,
  BN_UNFIT_CODE,
  BN_UNFIT_BLOCK,
  BN_UNFIT_BATCH,
  BN_UNFIT_GROUP,
};
static inline const char* bn_unfit_words(int32_t unfit) {
  switch (unfit) {
    case BN_FITS:
      return "it fits";
    case BN_UNFIT_VECTORS:
      return "a panel of its packing is not whole vectors of its level";
    case BN_UNFIT_PANEL:
      return "a panel has more rows than its packing knows";
    case BN_UNFIT_OVERRUN:
      return "its loop would run further past the last panel than its packing allows";
    case BN_UNFIT_TILE:
      return "its tile is not whole vectors, or a panel not whole tiles";
    case BN_UNFIT_REGISTERS:
      return "its sums want more registers than were planned";
    case BN_UNFIT_INTERVAL:
      return "the interval at which narrow sums are widened is not whole iterations of its loop";
    case BN_UNFIT_CODE:
      return "its largest code is above what its level multiplies";
    case BN_UNFIT_BLOCK:
      return "its block of K is not whole iterations of its loop";
    case BN_UNFIT_BATCH:
      return "its batch of tokens is not whole vectors, or its blocks not whole panels";
    case BN_UNFIT_GROUP:
      return "a group of weights is not whole iterations of its loop, or its packing has no scales";
    default:
      return "a reason that this program does not know";
  }
}

#define BN_ANY_TOKENS INT64_MAX

// What a kernel is, whatever the shape, for a group size. Where unfit is not BN_FITS nothing else
// of it holds, and no other function of it may be called.
typedef struct BnFacts {
  int32_t unfit;  // enum BnUnfit
  // The tokens of an evaluation that it is written for; it computes any number of them.
  int64_t tokens_min, tokens_max;  // BN_ANY_TOKENS: no limit
  // The numbers that fix the bytes of its packing, beside the packing's name; 0 past the last.
  // Kernels of one packing and equal numbers work on one packed copy.
  int64_t layout[4];
  // Products (weights times tokens) of one iteration of the innermost loop that works most, so that
  // a cost of the loop is one of the work; 0: that loop says nothing of the whole.
  int64_t loop_products;
  // What a check must try: every path of run is taken by some evaluation of 1..check_tokens tokens
  // on a part of check_rows rows, where K is at least check_k.
  int64_t check_tokens, check_rows, check_k;
} BnFacts;

typedef struct BnSizes {
  int64_t packed_bytes;       // of the whole matrix [N][K]
  int64_t form_group_tokens;  // activations are prepared in groups of this many tokens
  int64_t form_group_bytes;   // of one group: a form is ceil(M / form_group_tokens) of these
  int64_t scratch_bytes;      // per thread, for run
  int64_t exact_k;            // K up to which every accumulator is proved not to overflow
  int32_t row_step;           // n0 is a multiple of this, n1 too unless it is N
  int32_t token_step;         // m0 is a multiple of this, m1 too unless it is M
  int32_t split;              // enum BnSplit
} BnSizes;

// Rows row_begin, row_begin + row_stride, ... < row_end of W share one weight scale.
typedef struct BnSegment {
  int32_t row_begin, row_end, row_stride;
  float weight_scale;
} BnSegment;

typedef struct BnPack {
  int64_t n, k;    // the whole matrix
  int64_t n0, n1;  // rows to pack; n0 a multiple of row_step, n1 too unless it is N
  int64_t group;
  const int8_t* trits;     // [n1-n0][k]: row n0 first, values -1, 0, +1
  const uint16_t* scales;  // [n1-n0][k/group] F16; not read where group is 0
  uint8_t* packed;         // the whole packed matrix; of it the panels of n0..n1, padding included
} BnPack;

typedef struct BnPrepare {
  int64_t k;
  int64_t m0, m1;   // tokens; m0 a multiple of form_group_tokens
  const int8_t* x;  // [M][ldx], token 0 first, -127..127
  int64_t ldx;      // elements
  int64_t group;
  const float* group_scales;  // [M][k/group]; not read where group is 0
  uint8_t* form;              // the whole form of M tokens
} BnPrepare;

typedef struct BnRun {
  int64_t n, k, group;
  int64_t m0, m1, n0, n1;     // the part
  const uint8_t* packed;      // the whole packed matrix
  const uint8_t* form;        // the whole form
  uint8_t* scratch;           // this thread's scratch_bytes; contents undefined
  const float* token_scale;   // [M] s of each token; not read by BN_INT32, nor with groups
  const BnSegment* segments;  // likewise
  int32_t segment_count;
  int32_t epilogue;  // enum BnEpilogue
  void* y;           // Y[M][ldy], int32_t or float, token 0 first
  int64_t ldy;       // elements; BN_GATE_UP_* write N/2 columns
  // r of BN_SCALED_ADD, read by it alone; 1 where an architecture scales no residuals, which is
  // exact.
  float residual_scale;
} BnRun;

typedef void BnFactsFn(int64_t group, BnFacts* facts);
typedef void BnSizesFn(int64_t n, int64_t k, int64_t group, BnSizes* sizes);
typedef void BnPackFn(const BnPack* pack);
typedef void BnPrepareFn(const BnPrepare* prepare);
typedef void BnRunFn(const BnRun* run);

#ifdef __cplusplus
}
#endif

#endif  // BITNET_ABI_KERNEL_H_
