// rows: the activations as they are, each token zero-padded to a multiple of 64 k, then 64 bytes
// that hold the int32 sum of its x: with codes weight + 1, dot = sum(code * x) - sum(x). Zeros past
// K make padded weights harmless.
#ifndef BITNET_TEMPLATES_FORMS_ROWS_H_
#define BITNET_TEMPLATES_FORMS_ROWS_H_

#include "abi/kernel.h"

enum { kFormPadK = 64 };  // x is zero from K to a multiple of this

V_INLINE int64_t rows_padded_k(int64_t k) { return (k + kFormPadK - 1) / kFormPadK * kFormPadK; }

V_INLINE int64_t form_bytes(int64_t k) { return rows_padded_k(k) + kFormPadK; }

V_INLINE const int8_t* form_row(const uint8_t* form, int64_t m, int64_t k) {
  return (const int8_t*)(form + m * form_bytes(k));
}
V_INLINE int32_t form_sum(const uint8_t* form, int64_t m, int64_t k) {
  return *(const int32_t*)(form + m * form_bytes(k) + rows_padded_k(k));
}

V_INLINE void prepare(const BnPrepare* p) {
  for (int64_t m = p->m0; m < p->m1; ++m) {
    const int8_t* x = p->x + m * p->ldx;
    int8_t* row = (int8_t*)(p->form + m * form_bytes(p->k));
    int32_t sum = 0;
    for (int64_t k = 0; k < p->k; ++k) row[k] = x[k], sum += x[k];
    for (int64_t k = p->k; k < rows_padded_k(p->k); ++k) row[k] = 0;
    *(int32_t*)(row + rows_padded_k(p->k)) = sum;
  }
}

#endif  // BITNET_TEMPLATES_FORMS_ROWS_H_
