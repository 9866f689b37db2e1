// The float side of the forward pass as a table of C functions, one table an ISA level, all
// bit-identical: every function computes what docs/NUMERICS.md defines. `reference` is the
// definition transcribed into plain scalar C++; the others are templates/float/*.c compiled once a
// level. Chosen once at start.
//
// Layouts
//   KV cache of one sequence, layer and kv head, `capacity` keys, a multiple of 256:
//     K  groups of 16 keys, d-major: element (t, d) at ((t / 16) * head_size + d) * 16 + t % 16
//     V  row-major: element (t, d) at t * head_size + d
//   each F16 or F32 (BnKvType), 64-byte aligned, and may be read 255 bytes past their end. Keys
//   that are not visible may hold anything. Other vectors may lie anywhere, and not a byte past
//   them is read; rows of a model file likewise.
#ifndef BITNET_ABI_FLOATS_H_
#define BITNET_ABI_FLOATS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// GGUF's ids. Those of ternary and binary types are rows of an embedding only: their heads are
// products of kernels.
enum BnFloatType {
  BN_F32 = 0,
  BN_F16 = 1,
  BN_Q4_0 = 2,
  BN_Q4_1 = 3,
  BN_Q5_0 = 6,
  BN_Q8_0 = 8,
  BN_Q4_K = 12,
  BN_Q5_K = 13,
  BN_Q6_K = 14,
  BN_BF16 = 30,
  BN_TQ1_0 = 34,
  BN_TQ2_0 = 35,
  BN_Q1_0 = 41,
  BN_Q2_0 = 42,
  BN_PQ2_0 = 142,
  BN_PTQ1_0 = 143,
  BN_Q2_0_G128 = 42 + (1 << 16),  // the bytes of PQ2_0 under the id of Q2_0
};
enum BnKvType { BN_KV_F32 = 0, BN_KV_F16 = 1 };  // room for Q8_0 = 8

// One kv head and its `group` query heads of one token over keys 0..keys-1 (all visible). NUMERICS
// "One token", 6.
typedef struct BnAttend {
  const float* q;  // [group][head_size], after RoPE, not yet scaled by 1/sqrt(head_size)
  float* out;      // [group][head_size]
  int32_t group, head_size;
  float scale;             // 1 / sqrt(head_size), rounded once from double
  int32_t k_type, v_type;  // enum BnKvType each
  int64_t keys;            // >= 1
  const void* k;
  const void* v;
  float* scratch;  // BN_ATTEND_SCRATCH(group, head_size) floats, 64-byte aligned
} BnAttend;
#define BN_ATTEND_SCRATCH(group, head_size) \
  ((group) * (2 * (((head_size) + 15) / 16 * 16) + 256 + 8) + 64)

// Rows n0..n1 of a head for `tokens` hidden states. Quantised rows (Q4_0 to Q6_K) read H prepared
// by head_prepare.
typedef struct BnHead {
  int32_t type;  // enum BnFloatType
  // Row-major, file layout, row 0 first; Q4_0, Q4_1, Q5_0, Q8_0: k % 32 == 0, K types: k % 256 ==
  // 0.
  const uint8_t* rows;
  int64_t row_bytes, k;
  int64_t n0, n1;
  int64_t tokens;
  const float* hidden;  // [tokens][ld_hidden], normed
  int64_t ld_hidden;
  // [tokens][prepared_bytes(k)] by the same table, 64-byte aligned, for quantised rows.
  const uint8_t* prepared;
  int64_t ld_prepared;  // bytes
  float* logits;        // [tokens][ld_logits]; row n's logit goes to column n
  int64_t ld_logits;
  // How far ahead of its reading a row is fetched; 0: the hardware does better.
  int64_t prefetch_bytes;
} BnHead;

typedef struct BnFloatKernels {
  const char* name;  // ISA level, or "reference"
  // One embedding row -> k floats.
  void (*embed)(int32_t type, const uint8_t* row, int64_t k, float* out);
  // y = rms_norm(x) * g. x == y allowed.
  void (*rms_norm)(const float* x, const float* g, int64_t k, float epsilon, float* y);
  // Returns s = 127 / max(max|x|, 1e-5) and writes q[k].
  float (*quantize)(const float* x, int64_t k, int8_t* q);
  // One group of a matrix with a scale a group (NUMERICS "One token", 4): returns a = max|x| / 127
  // and writes q[k].
  float (*quantize_group)(const float* x, int64_t k, int8_t* q);
  // Rotates `heads` heads in place by a row of the table: cos[dims/2], sin[dims/2]. neox: pairs (i,
  // i + dims/2), else (2i, 2i+1).
  void (*rope)(float* x, int64_t heads, int64_t head_size, int64_t dims, int neox, const float* cos,
               const float* sin);
  // Writes one key or value vector [head_size] at position t of a cache of type BnKvType.
  void (*store_k)(int32_t type, const float* x, int64_t head_size, int64_t t, void* k);
  void (*store_v)(int32_t type, const float* x, int64_t head_size, int64_t t, void* v);
  void (*attend)(const BnAttend* attend);
  // Bytes of one token's H for k features (a multiple of 64; 0 for types that need none), and H
  // itself.
  int64_t (*head_prepared_bytes)(int32_t type, int64_t k);
  void (*head_prepare)(int32_t type, const float* hidden, int64_t k, uint8_t* prepared);
  void (*head)(const BnHead* head);
  // The float path of --activations float: y[n] = sum(w[n][k] as trits * x) by the dot of NUMERICS,
  // times scale.
  float (*ternary_dot)(const int8_t* trits, const float* x, int64_t k);
  // act(g) * u elementwise, n elements (the same inline code as kernels' epilogues). relu2 != 0:
  // squared ReLU.
  void (*gate)(const float* g, const float* u, int64_t n, int relu2, float* y);
  // Sampling: p[i] = exp(logits[i] - max), returns their plain sum in ascending order of i.
  float (*softmax_terms)(const float* logits, int64_t n, float max, float* p);
} BnFloatKernels;

#ifdef __cplusplus
}
#endif

#endif  // BITNET_ABI_FLOATS_H_
