#include "tools/synth/encode.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include "runtime/gguf/half.h"
#include "runtime/gguf/ternary_decode.h"

namespace bitnet::synth {
namespace {

constexpr int64_t kHalfBytes = 2;  // of a block's scale

void put_half(float value, uint8_t* out) {
  const uint16_t bits = half_from_float(value);
  std::memcpy(out, &bits, kHalfBytes);
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

// Byte j: codes j, j+32, j+64, j+96 from the high bits down.
void encode_i2s_block(const uint8_t* __restrict c, uint8_t* __restrict out) {
  for (int j = 0; j < 32; ++j)
    out[j] = static_cast<uint8_t>(c[j] << 6 | c[j + 32] << 4 | c[j + 64] << 2 | c[j + 96]);
}

// Of both halves byte m: codes m, m+32, m+64, m+96 from the low bits up.
void encode_tq2_block(const uint8_t* __restrict c, uint16_t scale, uint8_t* __restrict out) {
  for (int half = 0; half < 2; ++half, c += 128) {
    for (int m = 0; m < 32; ++m)
      out[32 * half + m] =
          static_cast<uint8_t>(c[m] | c[m + 32] << 2 | c[m + 64] << 4 | c[m + 96] << 6);
  }
  std::memcpy(out + kTq2Bytes - kHalfBytes, &scale, kHalfBytes);
}

// Byte m: the base-3 digits m, m+bytes, ... (the first most significant), as a fraction of 256,
// rounded up. A missing fifth digit is 0.
template <int kBytes, int kDigits>
void encode_base3(const uint8_t* __restrict c, uint8_t* __restrict out) {
  for (int m = 0; m < kBytes; ++m) {
    unsigned q = 0;
    for (int n = 0; n < 5; ++n) q = q * 3 + (n < kDigits ? c[m + n * kBytes] : 0U);
    out[m] = static_cast<uint8_t>((q * 256 + 242) / 243);
  }
}

void encode_tq1_block(const uint8_t* c, uint16_t scale, uint8_t* out) {
  encode_base3<32, 5>(c, out);
  encode_base3<16, 5>(c + 160, out + 32);
  encode_base3<4, 4>(c + 240, out + 48);
  std::memcpy(out + kTq1Bytes - kHalfBytes, &scale, kHalfBytes);
}

// d = max/127 in F16, then round(x / d).
void encode_q8_0_block(const float* __restrict x, uint8_t* __restrict out) {
  const float d = float_from_half(half_from_float(largest_magnitude(x, kQ8Elements) / 127.0F));
  const float inverse = d > 0 ? 1.0F / d : 0.0F;
  put_half(d, out);
  for (int i = 0; i < kQ8Elements; ++i)
    out[kHalfBytes + i] = static_cast<uint8_t>(std::clamp(nearest(x[i] * inverse), -127, 127));
}

// 256 values in 16 groups: x = d * group scale (int8) * (q - 32), q in 0..63. Each group's scale
// maps its largest magnitude to 31. ql[128] low nibbles, qh[64] high pairs, scales[16], d.
void encode_q6_k_block(const float* __restrict x, uint8_t* __restrict out) {
  float steps[16];
  for (int g = 0; g < 16; ++g) steps[g] = largest_magnitude(x + 16 * g, 16) / 31.0F;
  const float d = float_from_half(half_from_float(largest_magnitude(steps, 16) / 127.0F));
  uint8_t q[kQ6Elements], *scales = out + kQ6Elements * 3 / 4;  // behind 6 bits a value
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
  put_half(d, out + kQ6Bytes - kHalfBytes);
}

}  // namespace

void encode_codes(GgmlType type, const uint8_t* codes, int64_t count, float scale, std::byte* out) {
  auto* bytes = reinterpret_cast<uint8_t*>(out);
  if (type == GgmlType::i2_s) {
    const int64_t blocks = count / kI2sElements, rest = count % kI2sElements;
    for (int64_t b = 0; b < blocks; ++b)
      encode_i2s_block(codes + b * kI2sElements, bytes + b * kI2sBytes);
    if (rest == 0) return;
    uint8_t last[kI2sElements];
    std::fill_n(last, kI2sElements, uint8_t{1});
    std::copy_n(codes + blocks * kI2sElements, rest, last);
    encode_i2s_block(last, bytes + blocks * kI2sBytes);
    return;
  }
  assert(count % kTqElements == 0);
  const uint16_t half = half_from_float(scale);
  for (int64_t b = 0; b < count / kTqElements; ++b) {
    if (type == GgmlType::tq2_0)
      encode_tq2_block(codes + b * kTqElements, half, bytes + b * kTq2Bytes);
    else
      encode_tq1_block(codes + b * kTqElements, half, bytes + b * kTq1Bytes);
  }
}

int64_t encoded_bytes(GgmlType type, int64_t count) {
  if (type == GgmlType::i2_s) return (count + kI2sElements - 1) / kI2sElements * kI2sBytes;
  return count / traits(type).block_elements * traits(type).block_bytes;
}

void encode_row(GgmlType type, const float* row, int64_t k, std::byte* out) {
  auto* bytes = reinterpret_cast<uint8_t*>(out);
  switch (type) {
    case GgmlType::f32:
      std::memcpy(bytes, row, static_cast<size_t>(k) * 4);
      return;
    case GgmlType::f16:
      for (int64_t i = 0; i < k; ++i) put_half(row[i], bytes + 2 * i);
      return;
    case GgmlType::bf16:
      for (int64_t i = 0; i < k; ++i) {
        const uint16_t bits = bfloat_from_float(row[i]);
        std::memcpy(bytes + 2 * i, &bits, 2);
      }
      return;
    case GgmlType::q8_0:
      for (int64_t b = 0; b < k / kQ8Elements; ++b)
        encode_q8_0_block(row + kQ8Elements * b, bytes + kQ8Bytes * b);
      return;
    case GgmlType::q6_k:
      for (int64_t b = 0; b < k / kQ6Elements; ++b)
        encode_q6_k_block(row + kQ6Elements * b, bytes + kQ6Bytes * b);
      return;
    case GgmlType::tq1_0:
    case GgmlType::tq2_0:
    case GgmlType::i2_s:
      break;
  }
  assert(false && "not a type of float rows");
}

}  // namespace bitnet::synth
