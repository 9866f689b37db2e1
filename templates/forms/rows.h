// rows: the activations as they are, each token zero-padded to a multiple of 64 k, then what is
// known of its groups, in whole 64 bytes: for each its scale and the int32 sum of its x. With codes
// weight + 1, dot = sum(code * x) - sum(x). Without groups a token is one group whose scale nobody
// reads. Zeros past K make padded weights harmless.
#ifndef BITNET_TEMPLATES_FORMS_ROWS_H_
#define BITNET_TEMPLATES_FORMS_ROWS_H_

#include "abi/kernel.h"

enum { kFormPadK = 64 };  // x is zero from K to a multiple of this

V_INLINE int64_t rows_padded_k(int64_t k) { return (k + kFormPadK - 1) / kFormPadK * kFormPadK; }

typedef struct {
  float scale;
  int32_t sum;
} FormGroup;

V_INLINE int64_t form_groups(int64_t k, int64_t group) { return group ? k / group : 1; }
V_INLINE int64_t form_bytes(int64_t k, int64_t group) {
  const int64_t bytes = form_groups(k, group) * (int64_t)sizeof(FormGroup);
  return rows_padded_k(k) + (bytes + kFormPadK - 1) / kFormPadK * kFormPadK;
}

V_INLINE const int8_t* form_row(const uint8_t* form, int64_t m, int64_t k, int64_t group) {
  return (const int8_t*)(form + m * form_bytes(k, group));
}
// Of a token, by its row.
V_INLINE const FormGroup* groups_of_row(const int8_t* row, int64_t k) {
  return (const FormGroup*)(row + rows_padded_k(k));
}

V_INLINE void prepare(const BnPrepare* p) {
  const int64_t group = group_of(p->group), groups = form_groups(p->k, group);
  const int64_t group_k = group ? group : p->k;
  for (int64_t m = p->m0; m < p->m1; ++m) {
    const int8_t* x = p->x + m * p->ldx;
    int8_t* row = (int8_t*)form_row(p->form, m, p->k, group);
    FormGroup* of_groups = (FormGroup*)groups_of_row(row, p->k);
    for (int64_t g = 0; g < groups; ++g) {
      int32_t sum = 0;
      for (int64_t k = g * group_k; k < (g + 1) * group_k; ++k) row[k] = x[k], sum += x[k];
      of_groups[g] = (FormGroup){group ? p->group_scales[m * groups + g] : 1.0f, sum};
    }
    for (int64_t k = p->k; k < rows_padded_k(p->k); ++k) row[k] = 0;
  }
}

#endif  // BITNET_TEMPLATES_FORMS_ROWS_H_
