// GGUF tensor types that this project reads, with their block geometry. Names are GGUF's.
// Ids 36..47 mean different things in different projects: an id alone does not identify a ternary
// tensor, see ternary.h for what is checked besides.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace bitnet {

enum class GgmlType : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q8_0 = 8,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  bf16 = 30,
  tq1_0 = 34,
  tq2_0 = 35,
  i2_s = 36,
  q1_0 = 41,
  q2_0 = 42,
  pq2_0 = 142,
  ptq1_0 = 143,
  // The first files of the ternary Bonsais have PQ2_0's bytes under the id of Q2_0, which means 64
  // weights a scale elsewhere. Only the bytes between offsets tell them apart: placing.h.
  q2_0_g128 = 42 + (1 << 16),
};
// What stands in a file for a type.
constexpr uint32_t file_id(GgmlType type) { return static_cast<uint32_t>(type) & 0xFFFFU; }

// Two quantizers write I2_S, and nothing in a file says which one did. A block's byte j holds
// elements j, j + a quarter of the block, ... from its high bits down.
enum class I2sLayout : uint8_t {
  blocks_of_128,  // in 32 bytes: x86, and every published file
  blocks_of_64,   // in 16 bytes: quantized on ARM
};

// Blocks of the types that have any: elements of a row, and the bytes that they take. I2_S is flat,
// in the usual layout.
constexpr int64_t kQ4Elements = 32, kQ40Bytes = 18, kQ41Bytes = 20, kQ50Bytes = 22;
constexpr int64_t kQkElements = 256, kQ4kBytes = 144, kQ5kBytes = 176;
constexpr int64_t kQ8Elements = 32, kQ8Bytes = 34;
constexpr int64_t kQ6Elements = 256, kQ6Bytes = 210;
constexpr int64_t kTqElements = 256, kTq1Bytes = 54, kTq2Bytes = 66;
constexpr int64_t kI2sElements = 128, kI2sBytes = 32;
constexpr int64_t kQ1Elements = 128, kQ1Bytes = 18, kPtqElements = 128, kPtqBytes = 28;
constexpr int64_t kQ2Elements = 64, kQ2Bytes = 18, kPq2Elements = 128, kPq2Bytes = 34;

struct TypeTraits {
  GgmlType type;
  std::string_view name;   // "TQ2_0"
  int64_t block_elements;  // a row's K must be a multiple (I2_S: 1, blocks run across rows)
  int64_t block_bytes;     // I2_S: 0, not a whole number; tensor_bytes knows
  bool ternary;            // weights are a scale times -1, 0, +1, or -1, +1 (Q1_0)
};
std::span<const TypeTraits> known_types();
// Of what stands in a file; null for an id that this project does not read. 42 gives q2_0.
const TypeTraits* find_type(uint32_t id);
const TypeTraits& traits(GgmlType type);
// "F32, F16, ..." of all that are ternary, or are not: for messages.
std::string type_names(bool ternary);
// "TQ2_0", or what is known of an id that this project does not read: for messages.
std::string type_name(uint32_t id);
// Bytes of a tensor [n][k], every overflow checked. I2_S: ceil(n*k / 128) * 32 bytes and 32 more
// for the scale.
Result<uint64_t> tensor_bytes(GgmlType type, uint64_t n, uint64_t k);

}  // namespace bitnet
