// Quantised rows of an embedding or head, as GGUF stores them.
//   Q8_0   blocks of 32: f16 d, int8 q[32]; w = d * q
//   Q6_K   super-blocks of 256: ql[128], qh[64], int8 scale[16], f16 d; w = (d * scale[i / 16]) * q
//          element 128 h + 32 j + l: low four bits in nibble j / 2 of ql[64 h + 32 (j % 2) + l],
//          high two bits in pair j of qh[32 h + l]; q = those six bits - 32
//   Q4_0   blocks of 32: f16 d, nibbles[16]; w = d * (q - 8)
//   Q4_1   blocks of 32: f16 d, f16 m, nibbles[16]; w = d * q + m
//   Q5_0   blocks of 32: f16 d, high[4], nibbles[16]; w = d * (q - 16)
//          element i: nibble i / 16 of nibbles[i % 16], above it bit i % 8 of high[i / 8]
//   Q4_K   super-blocks of 256: f16 d, f16 dmin, packed[12], nibbles[128]
//   Q5_K   super-blocks of 256: f16 d, f16 dmin, packed[12], high[32], nibbles[128]
//          w = (d * sc[i / 32]) * q - dmin * m[i / 32]
//          element 64 c + 32 j + l: nibble j of nibbles[32 c + l], above it bit 2 c + j of high[l]
//          sc[8] and m[8], six bits each, of packed: see bn_unpack_scales
// Rows lie in a mapped file: blocks are aligned to 2 bytes at best, and nothing past a row may be
// read.
#ifndef BITNET_TEMPLATES_FLOAT_ROWS_H_
#define BITNET_TEMPLATES_FLOAT_ROWS_H_

#include "abi/floats.h"
#include "templates/float_ops.h"

enum {
  kQ8Block = 32,
  kQ8Bytes = 34,
  kQ6Block = 256,
  kQ6Bytes = 210,
  kQ6High = 128,
  kQ6Scales = 192,
  kQ6D = 208,
};

// A type of nibbles: bytes of its parts from the block's begin; 0: there is none.
typedef struct BnNibbles {
  int block, bytes;      // elements, and bytes that they take
  int min, high, codes;  // f16 m or dmin; fifth bits; nibbles
  int offset;            // what the codes are too large by
} BnNibbles;

enum { kNibblesPacked = 4 };  // of Q4_K and Q5_K

// Of a type that is known at compile time: nothing of it stays.
BN_FLOAT_INLINE BnNibbles bn_nibbles(int32_t type) {
  if (type == BN_Q4_0) return (BnNibbles){32, 18, 0, 0, 2, 8};
  if (type == BN_Q4_1) return (BnNibbles){32, 20, 2, 0, 4, 0};
  if (type == BN_Q5_0) return (BnNibbles){32, 22, 0, 2, 6, 16};
  if (type == BN_Q4_K) return (BnNibbles){256, 144, 2, 0, 16, 0};
  return (BnNibbles){256, 176, 2, 16, 48, 0};
}
BN_FLOAT_INLINE int bn_is_nibbles(int32_t type) {
  return type == BN_Q4_0 || type == BN_Q4_1 || type == BN_Q5_0 || type == BN_Q4_K ||
         type == BN_Q5_K;
}

BN_FLOAT_INLINE uint16_t bn_row_u16(const uint8_t* p) {
  typedef uint16_t Unaligned __attribute__((aligned(1), may_alias));
  return *(const Unaligned*)p;  // little-endian, as every level here
}

BN_FLOAT_INLINE uint32_t bn_row_u32(const uint8_t* p) {
  typedef uint32_t Unaligned __attribute__((aligned(1), may_alias));
  return *(const Unaligned*)p;
}

// An element of an F32, F16 or BF16 row.
BN_FLOAT_INLINE float bn_row_float(int32_t type, const uint8_t* p) {
  if (type == BN_F32) {
    typedef float Unaligned __attribute__((aligned(1), may_alias));
    return *(const Unaligned*)p;
  }
  return type == BN_F16 ? bn_from_f16(bn_row_u16(p)) : bn_from_bf16(bn_row_u16(p));
}

// Element i of a block, without its offset: 0..15 or 0..31.
BN_FLOAT_INLINE int bn_nibble_code(int32_t type, const uint8_t* block, int i) {
  const BnNibbles t = bn_nibbles(type);
  if (t.block == 32) {
    const int low = block[t.codes + i % 16] >> (4 * (i / 16)) & 15;
    return t.high ? low | (block[t.high + i / 8] >> (i % 8) & 1) << 4 : low;
  }
  const int j = i / 32, l = i % 32;
  const int low = block[t.codes + 32 * (j / 2) + l] >> (4 * (j % 2)) & 15;
  return t.high ? low | (block[t.high + l] >> j & 1) << 4 : low;
}

// Of a super-block of Q4_K or Q5_K, byte j of each result: sc[j], m[j]. Those of j < 4 are the low
// six bits of bytes j and j + 4; of the others a nibble is in byte j + 4, and two bits above one of
// the former.
typedef struct BnScales {
  uint64_t sc, m;
} BnScales;
BN_FLOAT_INLINE BnScales bn_unpack_scales(const uint8_t* block) {
  const uint32_t a = bn_row_u32(block + kNibblesPacked), b = bn_row_u32(block + kNibblesPacked + 4),
                 c = bn_row_u32(block + kNibblesPacked + 8);
  const uint32_t sc = (c & 0x0f0f0f0fu) | (a >> 2 & 0x30303030u),
                 m = (c >> 4 & 0x0f0f0f0fu) | (b >> 2 & 0x30303030u);
  return (BnScales){(uint64_t)sc << 32 | (a & 0x3f3f3f3fu), (uint64_t)m << 32 | (b & 0x3f3f3f3fu)};
}

BN_FLOAT_INLINE int bn_q6_code(const uint8_t* block, int64_t i) {
  const int64_t h = i / 128, j = i % 128 / 32, l = i % 32;
  const int low = block[64 * h + 32 * (j % 2) + l] >> (4 * (j / 2)) & 15;
  const int high = block[kQ6High + 32 * h + l] >> (2 * j) & 3;
  return (low | high << 4) - 32;
}

#endif  // BITNET_TEMPLATES_FLOAT_ROWS_H_
