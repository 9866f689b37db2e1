// The float kernels of one ISA level: every file here is compiled once a level with
// -DBN_LEVEL=<name>, which each external name ends with. What the functions compute:
// docs/NUMERICS.md; their arguments: abi/floats.h.
#ifndef BITNET_TEMPLATES_FLOAT_LEVEL_H_
#define BITNET_TEMPLATES_FLOAT_LEVEL_H_

#include "abi/floats.h"
#include "templates/float_ops.h"

#define BN_TEXT_(a) #a
#define BN_TEXT(a) BN_TEXT_(a)
#define BN_NAME_AT_(name, level) name##_##level
#define BN_NAME_AT(name, level) BN_NAME_AT_(name, level)
#define BN_AT_LEVEL(name) BN_NAME_AT(name, BN_LEVEL)

#define bn_embed BN_AT_LEVEL(bn_embed)
#define bn_rms_norm BN_AT_LEVEL(bn_rms_norm)
#define bn_quantize BN_AT_LEVEL(bn_quantize)
#define bn_quantize_group BN_AT_LEVEL(bn_quantize_group)
#define bn_rope BN_AT_LEVEL(bn_rope)
#define bn_store_k BN_AT_LEVEL(bn_store_k)
#define bn_store_v BN_AT_LEVEL(bn_store_v)
#define bn_attend BN_AT_LEVEL(bn_attend)
#define bn_head_prepared_bytes BN_AT_LEVEL(bn_head_prepared_bytes)
#define bn_head_prepare BN_AT_LEVEL(bn_head_prepare)
#define bn_head BN_AT_LEVEL(bn_head)
#define bn_head_quantized BN_AT_LEVEL(bn_head_quantized)
#define bn_ternary_dot BN_AT_LEVEL(bn_ternary_dot)
#define bn_gate BN_AT_LEVEL(bn_gate)
#define bn_softmax_terms BN_AT_LEVEL(bn_softmax_terms)
#define bn_float_kernels BN_AT_LEVEL(bn_float_kernels)

void bn_embed(int32_t type, const uint8_t* row, int64_t k, float* out);
void bn_rms_norm(const float* x, const float* g, int64_t k, float epsilon, float* y);
float bn_quantize(const float* x, int64_t k, int8_t* q);
float bn_quantize_group(const float* x, int64_t k, int8_t* q);
void bn_rope(float* x, int64_t heads, int64_t head_size, int64_t dims, int neox, const float* cos,
             const float* sin);
void bn_store_k(int32_t type, const float* x, int64_t head_size, int64_t t, void* k);
void bn_store_v(int32_t type, const float* x, int64_t head_size, int64_t t, void* v);
void bn_attend(const BnAttend* attend);
int64_t bn_head_prepared_bytes(int32_t type, int64_t k);
void bn_head_prepare(int32_t type, const float* hidden, int64_t k, uint8_t* prepared);
void bn_head(const BnHead* head);
void bn_head_quantized(const BnHead* head);
float bn_ternary_dot(const int8_t* trits, const float* x, int64_t k);
void bn_gate(const float* g, const float* u, int64_t n, int relu2, float* y);
float bn_softmax_terms(const float* logits, int64_t n, float max, float* p);
extern const BnFloatKernels bn_float_kernels;

#endif  // BITNET_TEMPLATES_FLOAT_LEVEL_H_
