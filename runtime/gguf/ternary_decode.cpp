#include "runtime/gguf/ternary_decode.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>

namespace bitnet {
namespace {

// Bits kShift+1 .. kShift of as many bytes -> as many trits.
template <int kShift, int kBytes = 32>
void decode_codes(const uint8_t* __restrict in, int8_t* __restrict out) {
  for (int j = 0; j < kBytes; ++j) out[j] = static_cast<int8_t>((in[j] >> kShift & 3) - 1);
}

// Non-zero where one of the four codes of a byte is 3: its two bits are both set.
uint8_t code3_bits(const uint8_t* in, int bytes) {
  uint8_t bad = 0;
  for (int j = 0; j < bytes; ++j) bad = static_cast<uint8_t>(bad | (in[j] & in[j] >> 1 & 0x55));
  return bad;
}

// A byte holds five base-3 digits as a fraction of 256, rounded up: multiplying by 3^n (mod 256)
// moves digit n to the front, where it is floor(3 * byte / 256). So every byte decodes to digits 0,
// 1, 2.
template <int kBytes, int kDigits>
int8_t* decode_base3(const uint8_t* __restrict in, int8_t* __restrict out) {
  unsigned power = 1;
  for (int n = 0; n < kDigits; ++n, power *= 3, out += kBytes) {
    for (int m = 0; m < kBytes; ++m) {
      const auto moved = static_cast<uint8_t>(in[m] * power);
      out[m] = static_cast<int8_t>((moved * 3U >> 8) - 1);
    }
  }
  return out;
}

// Byte j of a block: elements j, j + kBytes, ... from the high bits down.
template <int kBytes>
bool decode_i2s_blocks(const uint8_t* in, int64_t blocks, int8_t* out) {
  uint8_t bad = 0;
  for (int64_t b = 0; b < blocks; ++b, in += kBytes, out += 4 * kBytes) {
    decode_codes<6, kBytes>(in, out);
    decode_codes<4, kBytes>(in, out + kBytes);
    decode_codes<2, kBytes>(in, out + 2 * kBytes);
    decode_codes<0, kBytes>(in, out + 3 * kBytes);
    bad |= code3_bits(in, kBytes);
  }
  return bad == 0;
}

// TQ2_0. Byte m of either half: elements m, m+32, m+64, m+96 from the low bits up. Then the scale.
bool decode_tq2(const uint8_t* in, int64_t blocks, int8_t* out) {
  uint8_t bad = 0;
  for (int64_t b = 0; b < blocks; ++b, in += kTq2Bytes, out += kTqElements) {
    for (int half = 0; half < 2; ++half) {
      decode_codes<0>(in + 32 * half, out + 128 * half);
      decode_codes<2>(in + 32 * half, out + 128 * half + 32);
      decode_codes<4>(in + 32 * half, out + 128 * half + 64);
      decode_codes<6>(in + 32 * half, out + 128 * half + 96);
    }
    bad |= code3_bits(in, 64);
  }
  return bad == 0;
}

// TQ1_0: five digits in each of 32 and of 16 bytes, four in 4. Then the scale.
bool decode_tq1(const uint8_t* in, int64_t blocks, int8_t* out) {
  for (int64_t b = 0; b < blocks; ++b, in += kTq1Bytes) {
    out = decode_base3<32, 5>(in, out);
    out = decode_base3<16, 5>(in + 32, out);
    out = decode_base3<4, 4>(in + 48, out);
  }
  return true;
}

// PTQ1_0: five digits in each of 16 and of 8 bytes, four in 2. Then the scale.
bool decode_ptq1(const uint8_t* in, int64_t blocks, int8_t* out) {
  for (int64_t b = 0; b < blocks; ++b, in += kPtqBytes) {
    out = decode_base3<16, 5>(in, out);
    out = decode_base3<8, 5>(in + 16, out);
    out = decode_base3<2, 4>(in + 24, out);
  }
  return true;
}

// Where neighbours share a byte loops of fixed length are not enough: GCC leaves them scalar.
// Vectors of clang and GCC, which every CPU has.
using Bytes16 = uint8_t __attribute__((vector_size(16)));

Bytes16 load16(const uint8_t* in) {
  Bytes16 bytes;
  std::memcpy(&bytes, in, sizeof bytes);
  return bytes;
}
void store16(int8_t* out, Bytes16 bytes) { std::memcpy(out, &bytes, sizeof bytes); }

// a0 b0 a1 b1 ... of the lower halves, and of the upper ones.
Bytes16 zip_lower(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Bytes16 zip_upper(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}

// Byte j: elements 4j .. 4j+3 from the low bits up.
void decode_quads(Bytes16 codes, int8_t* out) {
  const Bytes16 t0 = (codes & 3) - 1, t1 = (codes >> 2 & 3) - 1, t2 = (codes >> 4 & 3) - 1,
                t3 = (codes >> 6) - 1;
  const Bytes16 even = zip_lower(t0, t2), odd = zip_lower(t1, t3);
  store16(out, zip_lower(even, odd));
  store16(out + 16, zip_upper(even, odd));
  const Bytes16 even2 = zip_upper(t0, t2), odd2 = zip_upper(t1, t3);
  store16(out + 32, zip_lower(even2, odd2));
  store16(out + 48, zip_upper(even2, odd2));
}

// Q2_0, PQ2_0: the scale, then bytes of four.
template <int kBytes>
bool decode_q2(const uint8_t* in, int64_t blocks, int8_t* out) {
  Bytes16 bad = {};
  for (int64_t b = 0; b < blocks; ++b, in += 2 + kBytes) {
    for (int j = 0; j < kBytes; j += 16, out += 64) {
      const Bytes16 codes = load16(in + 2 + j);
      decode_quads(codes, out);
      bad |= codes & codes >> 1 & 0x55;  // a code 3
    }
  }
  uint8_t any = 0;
  for (int i = 0; i < 16; ++i) any = static_cast<uint8_t>(any | bad[i]);
  return any == 0;
}

// Two bytes, each of them eight times -> 1 where the bit of its turn is set, -1 elsewhere.
void decode_bits(Bytes16 eight_times, int8_t* out) {
  constexpr Bytes16 kTurns = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const auto clear = reinterpret_cast<Bytes16>((eight_times & kTurns) == 0);  // 255 or 0
  store16(out, clear | 1);
}

// Q1_0: the scale. Then bit j % 8 of byte j / 8.
bool decode_q1(const uint8_t* in, int64_t blocks, int8_t* out) {
  for (int64_t b = 0; b < blocks; ++b, in += kQ1Bytes) {
    const Bytes16 bytes = load16(in + 2);
    for (const Bytes16 twice : {zip_lower(bytes, bytes), zip_upper(bytes, bytes)}) {
      for (const Bytes16 four : {zip_lower(twice, twice), zip_upper(twice, twice)}) {
        decode_bits(zip_lower(four, four), out);
        decode_bits(zip_upper(four, four), out + 16);
        out += 32;
      }
    }
  }
  return true;
}

constexpr BlockLayout kLayouts[] = {
    {GgmlType::tq1_0, kTqElements, kTq1Bytes, kTq1Bytes - 2, decode_tq1},
    {GgmlType::tq2_0, kTqElements, kTq2Bytes, kTq2Bytes - 2, decode_tq2},
    {GgmlType::q1_0, kQ1Elements, kQ1Bytes, 0, decode_q1},
    {GgmlType::q2_0, kQ2Elements, kQ2Bytes, 0, decode_q2<16>},
    {GgmlType::q2_0_g128, kPq2Elements, kPq2Bytes, 0, decode_q2<32>},
    {GgmlType::pq2_0, kPq2Elements, kPq2Bytes, 0, decode_q2<32>},
    {GgmlType::ptq1_0, kPtqElements, kPtqBytes, kPtqBytes - 2, decode_ptq1},
};

}  // namespace

bool decode_i2s(I2sLayout layout, const uint8_t* in, int64_t blocks, int8_t* out) {
  return layout == I2sLayout::blocks_of_128 ? decode_i2s_blocks<32>(in, blocks, out)
                                            : decode_i2s_blocks<16>(in, blocks, out);
}

const BlockLayout& block_layout(GgmlType type) {
  const auto found = std::ranges::find(kLayouts, type, &BlockLayout::type);
  assert(found != std::end(kLayouts));
  return *found;
}

}  // namespace bitnet
