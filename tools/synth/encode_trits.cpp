#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>
#include <vector>

#include "runtime/base/half.h"
#include "tools/synth/encode.h"

namespace bitnet::synth {
namespace {

void put_scale(uint16_t scale, uint8_t* out) { std::memcpy(out, &scale, sizeof scale); }

// Byte j: codes j, j+32, j+64, j+96 from the high bits down.
void encode_i2s_block(const uint8_t* __restrict c, uint8_t* __restrict out) {
  for (int j = 0; j < 32; ++j)
    out[j] = static_cast<uint8_t>(c[j] << 6 | c[j + 32] << 4 | c[j + 64] << 2 | c[j + 96]);
}

// Of both halves byte m: codes m, m+32, m+64, m+96 from the low bits up.
void encode_tq2_block(const uint8_t* __restrict c, uint16_t scale, uint8_t* __restrict out) {
  for (int half = 0; half < 2; ++half, c += 128, out += 32) {
    for (int m = 0; m < 32; ++m)
      out[m] = static_cast<uint8_t>(c[m] | c[m + 32] << 2 | c[m + 64] << 4 | c[m + 96] << 6);
  }
  put_scale(scale, out);
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
  put_scale(scale, out + 52);
}

void encode_ptq1_block(const uint8_t* c, uint16_t scale, uint8_t* out) {
  encode_base3<16, 5>(c, out);
  encode_base3<8, 5>(c + 80, out + 16);
  encode_base3<2, 4>(c + 120, out + 24);
  put_scale(scale, out + 26);
}

// Byte j: codes 4j .. 4j+3 from the low bits up.
template <int kBytes>
void encode_q2_block(const uint8_t* __restrict c, uint16_t scale, uint8_t* __restrict out) {
  put_scale(scale, out);
  for (int j = 0; j < kBytes; ++j)
    out[2 + j] =
        static_cast<uint8_t>(c[4 * j] | c[4 * j + 1] << 2 | c[4 * j + 2] << 4 | c[4 * j + 3] << 6);
}

// Bit j % 8 of byte j / 8: set for +1. Codes are 0 and 2.
void encode_q1_block(const uint8_t* __restrict c, uint16_t scale, uint8_t* __restrict out) {
  put_scale(scale, out);
  for (int j = 0; j < kQ1Elements / 8; ++j) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= static_cast<unsigned>(c[8 * j + i] >> 1) << i;
    out[2 + j] = static_cast<uint8_t>(bits);
  }
}

struct TritEncoder {
  GgmlType type;
  void (*encode)(const uint8_t* codes, uint16_t scale, uint8_t* out);
};
constexpr TritEncoder kEncoders[] = {
    {GgmlType::tq1_0, encode_tq1_block},        {GgmlType::tq2_0, encode_tq2_block},
    {GgmlType::q1_0, encode_q1_block},          {GgmlType::q2_0, encode_q2_block<16>},
    {GgmlType::q2_0_g128, encode_q2_block<32>}, {GgmlType::pq2_0, encode_q2_block<32>},
    {GgmlType::ptq1_0, encode_ptq1_block},
};

void encode_i2s(const uint8_t* codes, int64_t count, uint8_t* out) {
  const int64_t blocks = count / kI2sElements, rest = count % kI2sElements;
  for (int64_t b = 0; b < blocks; ++b)
    encode_i2s_block(codes + b * kI2sElements, out + b * kI2sBytes);
  if (rest == 0) return;
  uint8_t last[kI2sElements];
  std::fill_n(last, kI2sElements, uint8_t{1});
  std::copy_n(codes + blocks * kI2sElements, rest, last);
  encode_i2s_block(last, out + blocks * kI2sBytes);
}

}  // namespace

void encode_blocks(GgmlType type, const uint8_t* codes, int64_t count, const uint16_t* scales,
                   std::byte* out) {
  const auto found = std::ranges::find(kEncoders, type, &TritEncoder::type);
  assert(found != std::end(kEncoders) && "a type with a scale a block");
  const TypeTraits& t = traits(type);
  assert(count % t.block_elements == 0);
  auto* bytes = reinterpret_cast<uint8_t*>(out);
  for (int64_t b = 0; b < count / t.block_elements; ++b)
    found->encode(codes + b * t.block_elements, scales[b], bytes + b * t.block_bytes);
}

void encode_codes(GgmlType type, const uint8_t* codes, int64_t count, float scale, std::byte* out) {
  if (type == GgmlType::i2_s) return encode_i2s(codes, count, reinterpret_cast<uint8_t*>(out));
  const std::vector<uint16_t> scales(static_cast<size_t>(count / traits(type).block_elements),
                                     half_from_float(scale));
  encode_blocks(type, codes, count, scales.data(), out);
}

int64_t encoded_bytes(GgmlType type, int64_t count) {
  if (type == GgmlType::i2_s) return (count + kI2sElements - 1) / kI2sElements * kI2sBytes;
  return count / traits(type).block_elements * traits(type).block_bytes;
}

}  // namespace bitnet::synth
