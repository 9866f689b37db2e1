#include "tools/synth/encode.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <iterator>

#include "runtime/base/half.h"

namespace bitnet::synth {
namespace {

void put_half(float value, uint8_t* out) {
  const uint16_t bits = half_from_float(value);
  std::memcpy(out, &bits, 2);
}

// Nearest integer, ties to even, of |x| < 2^22: adding 1.5 * 2^23 leaves no bits below 1.
// Vectorises on every CPU, which rint does not.
int32_t nearest(float x) {
  constexpr float kMagic = 0x1.8p23F;
  return std::bit_cast<int32_t>(x + kMagic) - std::bit_cast<int32_t>(kMagic);
}

float largest_magnitude(const float* x, int count) {
  float largest = 0;
  for (int i = 0; i < count; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

// 32 values: d = max/127 in F16, then round(x / d).
void encode_q8_0_block(const float* __restrict x, uint8_t* __restrict out) {
  const float d = float_from_half(half_from_float(largest_magnitude(x, 32) / 127.0F));
  const float inverse = d > 0 ? 1.0F / d : 0.0F;
  put_half(d, out);
  for (int i = 0; i < 32; ++i)
    out[2 + i] = static_cast<uint8_t>(std::clamp(nearest(x[i] * inverse), -127, 127));
}

// The types of nibbles. A byte holds the low four bits of two codes.
void put_nibbles(const uint8_t* __restrict q, int count, uint8_t* __restrict out) {
  for (int i = 0; i < count; ++i)
    out[i] = static_cast<uint8_t>((q[i] & 15) | (q[i + count] & 15) << 4);
}

// 32 values as d * (q - zero), q in 0 .. 2 * zero - 1; one such code of the least value stays
// unused, so that d is positive.
void encode_symmetric(const float* x, int zero, uint8_t* q, uint8_t* d_out) {
  const auto most = static_cast<float>(zero - 1);
  const float d = float_from_half(half_from_float(largest_magnitude(x, 32) / most));
  const float inverse = d > 0 ? 1.0F / d : 0.0F;
  put_half(d, d_out);
  for (int i = 0; i < 32; ++i)
    q[i] = static_cast<uint8_t>(std::clamp(nearest(x[i] * inverse) + zero, 0, 2 * zero - 1));
}

void encode_q4_0_block(const float* x, uint8_t* out) {
  uint8_t q[32];
  encode_symmetric(x, 8, q, out);
  put_nibbles(q, 16, out + 2);
}

// Fifth bits in order, low first, before the nibbles.
void encode_q5_0_block(const float* x, uint8_t* out) {
  uint8_t q[32];
  encode_symmetric(x, 16, q, out);
  for (int byte = 0; byte < 4; ++byte) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= static_cast<unsigned>(q[8 * byte + i] >> 4) << i;
    out[2 + byte] = static_cast<uint8_t>(bits);
  }
  put_nibbles(q, 16, out + 6);
}

// 32 values: x = d * q + m.
void encode_q4_1_block(const float* x, uint8_t* out) {
  const auto [least, most] = std::minmax_element(x, x + 32);
  const float d = float_from_half(half_from_float((*most - *least) / 15.0F)),
              m = float_from_half(half_from_float(*least)), inverse = d > 0 ? 1.0F / d : 0.0F;
  put_half(d, out);
  put_half(m, out + 2);
  uint8_t q[32];
  for (int i = 0; i < 32; ++i)
    q[i] = static_cast<uint8_t>(std::clamp(nearest((x[i] - m) * inverse), 0, 15));
  put_nibbles(q, 16, out + 4);
}

// A factor of six bits: how often `unit` goes into x.
int six_bits(float x, float unit) { return unit > 0 ? std::clamp(nearest(x / unit), 0, 63) : 0; }

// 256 values in 8 groups: x = d * sc * q - dmin * m, sc and m of six bits, q in 0 .. most. Layout
// of the 12 bytes of sc and m: of the first four groups in bytes 0..3 and 4..7, six bits each; of
// the others four bits in bytes 8..11, two above the former.
void encode_k_block(const float* x, int most, uint8_t* q, uint8_t* out) {
  float steps[8], lows[8];
  for (int g = 0; g < 8; ++g) {
    const auto [least, largest] = std::minmax_element(x + 32 * g, x + 32 * g + 32);
    lows[g] = std::max(0.0F, -*least);
    steps[g] = (*largest + lows[g]) / static_cast<float>(most);
  }
  const float d = float_from_half(half_from_float(largest_magnitude(steps, 8) / 63.0F)),
              dmin = float_from_half(half_from_float(largest_magnitude(lows, 8) / 63.0F));
  put_half(d, out);
  put_half(dmin, out + 2);
  int sc[8], m[8];
  for (int g = 0; g < 8; ++g) {
    sc[g] = six_bits(steps[g], d), m[g] = six_bits(lows[g], dmin);
    const float step = d * static_cast<float>(sc[g]), low = dmin * static_cast<float>(m[g]),
                inverse = step > 0 ? 1.0F / step : 0.0F;
    for (int i = 32 * g; i < 32 * g + 32; ++i)
      q[i] = static_cast<uint8_t>(std::clamp(nearest((x[i] + low) * inverse), 0, most));
  }
  for (int g = 0; g < 4; ++g) {
    out[4 + g] = static_cast<uint8_t>(sc[g] | sc[g + 4] >> 4 << 6);
    out[8 + g] = static_cast<uint8_t>(m[g] | m[g + 4] >> 4 << 6);
    out[12 + g] = static_cast<uint8_t>((sc[g + 4] & 15) | (m[g + 4] & 15) << 4);
  }
}

void put_k_nibbles(const uint8_t* q, uint8_t* out) {
  for (int chunk = 0; chunk < 4; ++chunk) put_nibbles(q + 64 * chunk, 32, out + 32 * chunk);
}

void encode_q4_k_block(const float* x, uint8_t* out) {
  uint8_t q[256];
  encode_k_block(x, 15, q, out);
  put_k_nibbles(q, out + 16);
}

// Fifth bits: bit g of byte l is that of element 32 g + l.
void encode_q5_k_block(const float* x, uint8_t* out) {
  uint8_t q[256];
  encode_k_block(x, 31, q, out);
  for (int l = 0; l < 32; ++l) {
    unsigned bits = 0;
    for (int g = 0; g < 8; ++g) bits |= static_cast<unsigned>(q[32 * g + l] >> 4) << g;
    out[16 + l] = static_cast<uint8_t>(bits);
  }
  put_k_nibbles(q, out + 48);
}

// 256 values in 16 groups: x = d * group scale (int8) * (q - 32), q in 0..63. Each group's scale
// maps its largest magnitude to 31. ql[128] low nibbles, qh[64] high pairs, scales[16], d.
void encode_q6_k_block(const float* __restrict x, uint8_t* __restrict out) {
  float steps[16];
  for (int g = 0; g < 16; ++g) steps[g] = largest_magnitude(x + 16 * g, 16) / 31.0F;
  const float d = float_from_half(half_from_float(largest_magnitude(steps, 16) / 127.0F));
  uint8_t q[256], *scales = out + 192;
  for (int g = 0; g < 16; ++g) {
    const int scale = d > 0 ? std::clamp(nearest(steps[g] / d), 1, 127) : 1;
    const float inverse = d > 0 ? 1.0F / (d * static_cast<float>(scale)) : 0.0F;
    scales[g] = static_cast<uint8_t>(scale);
    for (int i = 16 * g; i < 16 * g + 16; ++i)
      q[i] = static_cast<uint8_t>(std::clamp(nearest(x[i] * inverse), -32, 31) + 32);
  }
  for (int half = 0; half < 2; ++half) {
    const uint8_t* h = q + 128 * half;
    uint8_t *ql = out + 64 * half, *qh = out + 128 + 32 * half;
    for (int i = 0; i < 32; ++i) {
      ql[i] = static_cast<uint8_t>((h[i] & 15) | h[i + 64] << 4);
      ql[i + 32] = static_cast<uint8_t>((h[i + 32] & 15) | h[i + 96] << 4);
      qh[i] = static_cast<uint8_t>(h[i] >> 4 | h[i + 32] >> 4 << 2 | h[i + 64] >> 4 << 4 |
                                   h[i + 96] >> 4 << 6);
    }
  }
  put_half(d, out + 208);
}

struct BlockEncoder {
  GgmlType type;
  void (*encode)(const float* x, uint8_t* out);
};
constexpr BlockEncoder kBlockEncoders[] = {
    {GgmlType::q4_0, encode_q4_0_block}, {GgmlType::q4_1, encode_q4_1_block},
    {GgmlType::q5_0, encode_q5_0_block}, {GgmlType::q8_0, encode_q8_0_block},
    {GgmlType::q4_k, encode_q4_k_block}, {GgmlType::q5_k, encode_q5_k_block},
    {GgmlType::q6_k, encode_q6_k_block},
};

}  // namespace

void encode_row(GgmlType type, const float* row, int64_t k, std::byte* out) {
  auto* bytes = reinterpret_cast<uint8_t*>(out);
  if (type == GgmlType::f32) {
    std::memcpy(bytes, row, static_cast<size_t>(k) * 4);
    return;
  }
  if (type == GgmlType::f16) {
    for (int64_t i = 0; i < k; ++i) put_half(row[i], bytes + 2 * i);
    return;
  }
  if (type == GgmlType::bf16) {
    for (int64_t i = 0; i < k; ++i) {
      const uint16_t bits = bfloat_from_float(row[i]);
      std::memcpy(bytes + 2 * i, &bits, 2);
    }
    return;
  }
  const auto found = std::ranges::find(kBlockEncoders, type, &BlockEncoder::type);
  assert(found != std::end(kBlockEncoders) && "a type of float rows");
  const TypeTraits& t = traits(type);
  for (int64_t b = 0; b < k / t.block_elements; ++b)
    found->encode(row + b * t.block_elements, bytes + b * t.block_bytes);
}

}  // namespace bitnet::synth
