// Embedding rows: floats of one row in any type (docs/NUMERICS.md, "One token", 1). One row a
// token: plain loops do.
#include "templates/float/level.h"
#include "templates/float/rows.h"

// Rows of ternary and binary types are a scale times -1, 0, +1 (and +2: a code 3, which no ternary
// matrix has). Where a block's parts lie, and how an element is found:
// runtime/gguf/ternary_decode.h says it for whole blocks.
typedef struct Trits {
  int block, bytes, scale;  // elements, bytes, and where the f16 scale lies
} Trits;

BN_FLOAT_INLINE Trits trits_of(int32_t type) {
  switch (type) {
    case BN_TQ1_0:
      return (Trits){256, 54, 52};
    case BN_TQ2_0:
      return (Trits){256, 66, 64};
    case BN_Q1_0:
      return (Trits){128, 18, 0};
    case BN_Q2_0:
      return (Trits){64, 18, 0};
    case BN_PTQ1_0:
      return (Trits){128, 28, 26};
    default:  // BN_PQ2_0, BN_Q2_0_G128
      return (Trits){128, 34, 0};
  }
}

// Digit n of a byte of five in base 3, the first most significant; the byte is a fraction of 256.
BN_FLOAT_INLINE int base3_digit(unsigned byte, int n) {
  const unsigned power = n == 0 ? 1 : n == 1 ? 3 : n == 2 ? 9 : n == 3 ? 27 : 81;
  return (int)((byte * power & 255) * 3 >> 8);
}

// Element i of a section whose `bytes` bytes hold elements m, m + bytes, ... each.
BN_FLOAT_INLINE int base3_trit(const uint8_t* section, int bytes, int i) {
  return base3_digit(section[i % bytes], i / bytes) - 1;
}

BN_FLOAT_INLINE int trit(int32_t type, const uint8_t* block, int i) {
  switch (type) {
    case BN_TQ1_0:
      return i < 160   ? base3_trit(block, 32, i)
             : i < 240 ? base3_trit(block + 32, 16, i - 160)
                       : base3_trit(block + 48, 4, i - 240);
    case BN_PTQ1_0:
      return i < 80    ? base3_trit(block, 16, i)
             : i < 120 ? base3_trit(block + 16, 8, i - 80)
                       : base3_trit(block + 24, 2, i - 120);
    case BN_TQ2_0:
      return (block[32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32)) & 3) - 1;
    case BN_Q1_0:
      return (block[2 + i / 8] >> (i % 8) & 1) * 2 - 1;
    default:  // Q2_0 in both layouts, PQ2_0
      return (block[2 + i / 4] >> (2 * (i % 4)) & 3) - 1;
  }
}

BN_FLOAT_INLINE void embed_trits(int32_t type, const uint8_t* row, int64_t k, float* out) {
  const Trits t = trits_of(type);
  for (int64_t begin = 0; begin < k; begin += t.block, row += t.bytes, out += t.block) {
    const float d = bn_from_f16(bn_row_u16(row + t.scale));
    for (int i = 0; i < t.block; ++i) out[i] = d * (float)trit(type, row, i);
  }
}

BN_FLOAT_INLINE void embed_nibbles(int32_t type, const uint8_t* row, int64_t k, float* out) {
  const BnNibbles t = bn_nibbles(type);
  for (int64_t begin = 0; begin < k; begin += t.block, row += t.bytes, out += t.block) {
    const float d = bn_from_f16(bn_row_u16(row));
    const float min = t.min ? bn_from_f16(bn_row_u16(row + t.min)) : 0.0f;
    if (t.block == 32) {
      for (int i = 0; i < 32; ++i) {
        const float product = d * (float)(bn_nibble_code(type, row, i) - t.offset);
        out[i] = t.min ? product + min : product;
      }
      continue;
    }
    const BnScales s = bn_unpack_scales(row);
    for (int j = 0; j < 8; ++j) {
      const float scale = d * (float)(s.sc >> (8 * j) & 255),
                  low = min * (float)(s.m >> (8 * j) & 255);
      for (int i = 32 * j; i < 32 * j + 32; ++i)
        out[i] = scale * (float)bn_nibble_code(type, row, i) - low;
    }
  }
}

static void embed_q8(const uint8_t* row, int64_t k, float* out) {
  for (int64_t begin = 0; begin < k; begin += kQ8Block, row += kQ8Bytes, out += kQ8Block) {
    const float d = bn_from_f16(bn_row_u16(row));
    for (int i = 0; i < kQ8Block; ++i) out[i] = d * (float)(int8_t)row[2 + i];
  }
}

static void embed_q6(const uint8_t* row, int64_t k, float* out) {
  for (int64_t begin = 0; begin < k; begin += kQ6Block, row += kQ6Bytes, out += kQ6Block) {
    const float d = bn_from_f16(bn_row_u16(row + kQ6D));
    for (int i = 0; i < kQ6Block; ++i) {
      const float scale = d * (float)(int8_t)row[kQ6Scales + i / 16];
      out[i] = scale * (float)bn_q6_code(row, i);
    }
  }
}

void bn_embed(int32_t type, const uint8_t* row, int64_t k, float* out) {
  switch (type) {
#define BN_CASE(type, embed)  \
  case type:                  \
    embed(type, row, k, out); \
    return;
    BN_CASE(BN_Q4_0, embed_nibbles)
    BN_CASE(BN_Q4_1, embed_nibbles)
    BN_CASE(BN_Q5_0, embed_nibbles)
    BN_CASE(BN_Q4_K, embed_nibbles)
    BN_CASE(BN_Q5_K, embed_nibbles)
    BN_CASE(BN_TQ1_0, embed_trits)
    BN_CASE(BN_TQ2_0, embed_trits)
    BN_CASE(BN_Q1_0, embed_trits)
    BN_CASE(BN_Q2_0, embed_trits)
    BN_CASE(BN_Q2_0_G128, embed_trits)
    BN_CASE(BN_PQ2_0, embed_trits)
    BN_CASE(BN_PTQ1_0, embed_trits)
#undef BN_CASE
    case BN_Q8_0:
      embed_q8(row, k, out);
      return;
    case BN_Q6_K:
      embed_q6(row, k, out);
      return;
    default:
      break;
  }
  const int64_t bytes = type == BN_F32 ? 4 : 2;
  for (int64_t i = 0; i < k; ++i) out[i] = bn_row_float(type, row + i * bytes);
}
