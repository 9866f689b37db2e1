#include "runtime/gguf/ternary_decode.h"

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

}  // namespace

bool decode_i2s(I2sLayout layout, const uint8_t* in, int64_t blocks, int8_t* out) {
  return layout == I2sLayout::blocks_of_128 ? decode_i2s_blocks<32>(in, blocks, out)
                                            : decode_i2s_blocks<16>(in, blocks, out);
}

// Byte m of either half: elements m, m+32, m+64, m+96 from the low bits up.
bool decode_tq2_block(const uint8_t* in, int8_t* out) {
  for (int half = 0; half < 2; ++half) {
    decode_codes<0>(in + 32 * half, out + 128 * half);
    decode_codes<2>(in + 32 * half, out + 128 * half + 32);
    decode_codes<4>(in + 32 * half, out + 128 * half + 64);
    decode_codes<6>(in + 32 * half, out + 128 * half + 96);
  }
  return code3_bits(in, 64) == 0;
}

void decode_tq1_block(const uint8_t* in, int8_t* out) {
  out = decode_base3<32, 5>(in, out);
  out = decode_base3<16, 5>(in + 32, out);
  decode_base3<4, 4>(in + 48, out);
}

}  // namespace bitnet
