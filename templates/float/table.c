// The table of one level.
#include "templates/float/level.h"

const BnFloatKernels bn_float_kernels = {
    .name = BN_TEXT(BN_LEVEL),
    .embed = bn_embed,
    .rms_norm = bn_rms_norm,
    .quantize = bn_quantize,
    .quantize_group = bn_quantize_group,
    .rope = bn_rope,
    .store_k = bn_store_k,
    .store_v = bn_store_v,
    .attend = bn_attend,
    .head_prepared_bytes = bn_head_prepared_bytes,
    .head_prepare = bn_head_prepare,
    .head = bn_head,
    .ternary_dot = bn_ternary_dot,
    .gate = bn_gate,
    .softmax_terms = bn_softmax_terms,
};
