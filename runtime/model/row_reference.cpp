#include "runtime/model/row_reference.h"

#include <cassert>
#include <cstring>

#include "abi/floats.h"
#include "runtime/base/half.h"
#include "runtime/gguf/types.h"

namespace bitnet::reference {
namespace {

uint16_t load_u16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }
float half_at(const uint8_t* p) { return float_from_half(load_u16(p)); }

int bits(const uint8_t* p, int64_t shift, int mask) { return *p >> shift & mask; }

// How types describe weight i of a block: w = (d * scale) * code, from which dmin * low is taken,
// or to which min is added.

// ---- 32 weights. Q8_0: f16 d, int8[32]. Q4_0: f16 d, nibbles[16]. Q4_1: f16 d, f16 min,
// nibbles[16]. Q5_0: f16 d, high[4], nibbles[16]. Weights i and i + 16 share a byte, the first in
// its low half; fifth bits are in order, low first.

int q8_code(const uint8_t* b, int64_t i) { return static_cast<int8_t>(b[2 + i]); }
int q4_0_code(const uint8_t* b, int64_t i) { return bits(b + 2 + i % 16, i / 16 * 4, 15) - 8; }
int q4_1_code(const uint8_t* b, int64_t i) { return bits(b + 4 + i % 16, i / 16 * 4, 15); }
int q5_0_code(const uint8_t* b, int64_t i) {
  return bits(b + 6 + i % 16, i / 16 * 4, 15) + 16 * bits(b + 2 + i / 8, i % 8, 1) - 16;
}

// ---- 256 weights.

// Q6_K: low[128], high[64], int8 scale[16], f16 d. Weight 128 h + 32 j + l: low four bits in
// low[64 h + 32 (j % 2) + l], nibble j / 2; high two bits in high[32 h + l], pair j.
int q6_code(const uint8_t* b, int64_t i) {
  const int64_t h = i / 128, j = i % 128 / 32, l = i % 32;
  return bits(b + 64 * h + 32 * (j % 2) + l, 4 * (j / 2), 15) +
         16 * bits(b + 128 + 32 * h + l, 2 * j, 3) - 32;
}
int q6_scale(const uint8_t* b, int64_t i) { return static_cast<int8_t>(b[192 + i / 16]); }

// Q4_K: f16 d, f16 dmin, packed[12], nibbles[128]. Q5_K: f16 d, f16 dmin, packed[12], high[32],
// nibbles[128]. Of each 64 weights the first 32 are low halves of 32 bytes, the others the high
// halves; fifth bits of weights 32 j + l are bits j of high[l].
int q4_k_code(const uint8_t* b, int64_t i) {
  return bits(b + 16 + i / 64 * 32 + i % 32, i % 64 / 32 * 4, 15);
}
int q5_k_code(const uint8_t* b, int64_t i) {
  return bits(b + 48 + i / 64 * 32 + i % 32, i % 64 / 32 * 4, 15) +
         16 * bits(b + 16 + i % 32, i / 32, 1);
}
// Six bits each: of the first four 32s in bytes 0..3 (scales) and 4..7 (lows) of packed; of the
// others four bits in bytes 8..11 (scales in the low halves), two in the top bits of the former.
int k_scale(const uint8_t* b, int64_t i) {
  const uint8_t* packed = b + 4;
  const int64_t j = i / 32;
  return j < 4 ? packed[j] & 63 : (packed[j + 4] & 15) + 16 * (packed[j - 4] >> 6);
}
int k_low(const uint8_t* b, int64_t i) {
  const uint8_t* packed = b + 4;
  const int64_t j = i / 32;
  return j < 4 ? packed[j + 4] & 63 : (packed[j + 4] >> 4) + 16 * (packed[j] >> 6);
}

// ---- Ternary and binary. A byte of five digits is a fraction of 256: times 3^n it begins with
// digit n.

int base3(const uint8_t* section, int64_t bytes, int64_t i) {
  uint8_t fraction = section[i % bytes];
  for (int64_t n = i / bytes; n > 0; --n) fraction = static_cast<uint8_t>(fraction * 3);
  return fraction * 3 / 256 - 1;
}
int tq1_trit(const uint8_t* b, int64_t i) {
  if (i < 160) return base3(b, 32, i);
  return i < 240 ? base3(b + 32, 16, i - 160) : base3(b + 48, 4, i - 240);
}
int ptq1_trit(const uint8_t* b, int64_t i) {
  if (i < 80) return base3(b, 16, i);
  return i < 120 ? base3(b + 16, 8, i - 80) : base3(b + 24, 2, i - 120);
}
int tq2_trit(const uint8_t* b, int64_t i) {
  return bits(b + i / 128 * 32 + i % 32, i % 128 / 32 * 2, 3) - 1;
}
int q2_trit(const uint8_t* b, int64_t i) { return bits(b + 2 + i / 4, i % 4 * 2, 3) - 1; }
int q1_sign(const uint8_t* b, int64_t i) { return bits(b + 2 + i / 8, i % 8, 1) == 1 ? 1 : -1; }

int one(const uint8_t*, int64_t) { return 1; }

enum class Low : uint8_t { none, added, taken };

struct RowType {
  int32_t type;
  int64_t elements, bytes;
  int64_t d_at;
  int (*code)(const uint8_t* block, int64_t i);
  int (*scale)(const uint8_t* block, int64_t i) = one;
  Low low = Low::none;  // its f16 lies at byte 2
  int (*low_code)(const uint8_t* block, int64_t i) = one;
};
constexpr RowType kRowTypes[] = {
    {BN_Q8_0, kQ8Elements, kQ8Bytes, 0, q8_code},
    {BN_Q4_0, kQ4Elements, kQ40Bytes, 0, q4_0_code},
    {BN_Q4_1, kQ4Elements, kQ41Bytes, 0, q4_1_code, one, Low::added},
    {BN_Q5_0, kQ4Elements, kQ50Bytes, 0, q5_0_code},
    {BN_Q6_K, kQ6Elements, kQ6Bytes, 208, q6_code, q6_scale},
    {BN_Q4_K, kQkElements, kQ4kBytes, 0, q4_k_code, k_scale, Low::taken, k_low},
    {BN_Q5_K, kQkElements, kQ5kBytes, 0, q5_k_code, k_scale, Low::taken, k_low},
    {BN_TQ1_0, kTqElements, kTq1Bytes, 52, tq1_trit},
    {BN_TQ2_0, kTqElements, kTq2Bytes, 64, tq2_trit},
    {BN_Q1_0, kQ1Elements, kQ1Bytes, 0, q1_sign},
    {BN_Q2_0, kQ2Elements, kQ2Bytes, 0, q2_trit},
    {BN_Q2_0_G128, kPq2Elements, kPq2Bytes, 0, q2_trit},
    {BN_PQ2_0, kPq2Elements, kPq2Bytes, 0, q2_trit},
    {BN_PTQ1_0, kPtqElements, kPtqBytes, 26, ptq1_trit},
};

const RowType* find(int32_t type) {
  for (const RowType& row_type : kRowTypes)
    if (row_type.type == type) return &row_type;
  return nullptr;
}

float plain_element(int32_t type, const uint8_t* row, int64_t i) {
  if (type == BN_F16) return half_at(row + 2 * i);
  if (type == BN_BF16) return float_from_bfloat(load_u16(row + 2 * i));
  float x = 0;
  std::memcpy(&x, row + 4 * i, 4);
  return x;
}

}  // namespace

float row_element(int32_t type, const uint8_t* row, int64_t i) {
  const RowType* t = find(type);
  if (t == nullptr) return plain_element(type, row, i);
  const uint8_t* block = row + i / t->elements * t->bytes;
  i %= t->elements;
  const float product = (half_at(block + t->d_at) * static_cast<float>(t->scale(block, i))) *
                        static_cast<float>(t->code(block, i));
  if (t->low == Low::none) return product;
  const float low = half_at(block + 2) * static_cast<float>(t->low_code(block, i));
  return t->low == Low::added ? product + low : product - low;
}

int64_t head_block(int32_t type) {
  const RowType* t = find(type);
  return t == nullptr ? 0 : t->elements;
}

BlockSums block_sums(int32_t type, const uint8_t* row, int64_t begin, const int16_t* h) {
  const RowType* t = find(type);
  assert(t != nullptr);
  const uint8_t* block = row + begin / t->elements * t->bytes;
  BlockSums sums{.d = half_at(block + t->d_at),
                 .has_low = t->low != Low::none,
                 .min = half_at(block + 2),
                 .low_sign = t->low == Low::taken ? -1.0F : 1.0F};
  for (int64_t i = 0; i < t->elements; ++i) {
    sums.sum += int64_t{t->scale(block, i)} * t->code(block, i) * h[begin + i];
    sums.low += int64_t{t->low_code(block, i)} * h[begin + i];
  }
  return sums;
}

}  // namespace bitnet::reference
