#include "runtime/gguf/ternary_decode.h"

namespace bitnet {
namespace {

// Bits 2*shift_pairs+1 .. 2*shift_pairs of 32 bytes -> 32 trits.
template <int kShift>
void decode_codes(const uint8_t* __restrict in, int8_t* __restrict out) {
  for (int j = 0; j < 32; ++j) out[j] = static_cast<int8_t>((in[j] >> kShift & 3) - 1);
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

}  // namespace

// Byte j of a block: elements j, j+32, j+64, j+96 from the high bits down.
bool decode_i2s(const uint8_t* in, int64_t blocks, int8_t* out) {
  uint8_t bad = 0;
  for (int64_t b = 0; b < blocks; ++b, in += kI2sBytes, out += kI2sElements) {
    decode_codes<6>(in, out);
    decode_codes<4>(in, out + 32);
    decode_codes<2>(in, out + 64);
    decode_codes<0>(in, out + 96);
    bad |= code3_bits(in, 32);
  }
  return bad == 0;
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
