// Wrong GGUF files: header, metadata and tensor list.
#include <limits>

#include "tests/hostile_files.h"

namespace bitnet::testing {
namespace {

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

// A string array that claims more than is there.
Bytes array_of(GgufValueType type, uint64_t count) {
  Bytes raw;
  put(raw, static_cast<uint32_t>(GgufValueType::array));
  put(raw, static_cast<uint32_t>(type));
  put(raw, count);
  return raw;
}

const Hostile kCases[] = {
    // Header.
    {"magic",
     {},
     [](auto& f) { f.magic = 0x46464747; },
     "not a GGUF file: found \"GGFF\" at its start, wanted \"GGUF\""},
    {"binary magic",
     {},
     [](auto& f) { f.magic = 0x00000A1B; },
     "not a GGUF file: found \"\\x1b\\x0a\\x00\\x00\" at its start, wanted \"GGUF\""},
    {"version 1", {}, [](auto& f) { f.version = 1; }, "GGUF version 1, wanted 2 or 3"},
    {"big endian",
     {},
     [](auto& f) { f.version = 0x03000000; },
     "a big-endian GGUF file, wanted little-endian"},
    {"tensor count",
     {},
     [](auto& f) { f.tensor_count = 1LL << 60; },
     "1152921504606846976 tensors cannot fit into the"},
    {"key count",
     {},
     [](auto& f) { f.key_count = 1LL << 62; },
     "4611686018427387904 keys cannot fit into the"},
    // Metadata.
    {"key twice",
     {},
     [](auto& f) { f.keys.push_back(f.keys[0]); },
     "key general.architecture: appears twice"},
    {"empty key",
     {},
     [](auto& f) { f.u32("", 1); },
     "the name of key 19 has 0 bytes, wanted 1 to 65535"},
    {"ugly key",
     {},
     [](auto& f) { f.number("a\nb\xff", GgufValueType{77}, 1); },
     "key a\\x0ab\\xff: found value type 77, wanted 0 to 12"},
    {"bool of 2",
     {},
     [](auto& f) { f.number("flag", GgufValueType::boolean, uint8_t{2}); },
     "key flag: found 2 for a bool, wanted 0 or 1"},
    {"array of arrays",
     {},
     [](auto& f) { f.set("x", array_of(GgufValueType::array, 1)); },
     "key x: found an array of value type 9, wanted numbers or strings"},
    {"huge string array",
     {},
     [](auto& f) { f.set("x", array_of(GgufValueType::string, 1ULL << 61)); },
     "key x: 2305843009213693952 strings cannot fit into the"},
    {"huge int array",
     {},
     [](auto& f) { f.set("x", array_of(GgufValueType::u64, 1ULL << 61)); },
     "key x: 2305843009213693952 elements cannot fit into the"},
    {"huge byte array",
     {},
     [](auto& f) { f.set("x", array_of(GgufValueType::u8, kHuge)); },
     "key x: 18446744073709551615 elements cannot fit into the"},
    {"huge string",
     {},
     [](auto& f) { f.number("x", GgufValueType::string, kHuge - 4); },
     "the file ends inside key x: found"},
    {"alignment 24",
     {},
     [](auto& f) { f.u32("general.alignment", 24); },
     "key general.alignment: found 24, wanted a power of two from 8 to 1048576"},
    {"alignment 0",
     {},
     [](auto& f) { f.u32("general.alignment", 0); },
     "key general.alignment: found 0, wanted"},
    {"alignment text",
     {},
     [](auto& f) { f.text("general.alignment", "32"); },
     "key general.alignment: found the string \"32\", wanted an integer of 0 or more"},
    // Tensor list.
    {"tensor twice",
     {},
     [](auto& f) { f.tensors.push_back(q(f)); },
     "blk.0.attn_q.weight: there are two tensors of this name"},
    {"unnamed tensor",
     {},
     [](auto& f) { q(f).name = ""; },
     "the name of tensor 2 has 0 bytes, wanted 1 to 65535"},
    {"zero dimension",
     {},
     [](auto& f) { q(f).dims[1] = 0; },
     "blk.0.attn_q.weight: dimension 1 is 0, wanted at least 1"},
    {"five dimensions",
     {},
     [](auto& f) { q(f).dims = {8, 8, 1, 1, 1}; },
     "blk.0.attn_q.weight: found 5 dimensions, wanted at most 4"},
    {"three dimensions",
     {},
     [](auto& f) { q(f).dims = {8, 8, 2}; },
     "blk.0.attn_q.weight: found 3 dimensions, wanted 1 or 2"},
    {"overflowing product",
     {},
     [](auto& f) { q(f).dims = {1ULL << 33, 1ULL << 33}; },
     "blk.0.attn_q.weight: 8589934592x8589934592 elements overflow"},
    {"huge dimension",
     {},
     [](auto& f) { q(f).dims = {kHuge, 1}; },
     "blk.0.attn_q.weight: 1x18446744073709551615 elements overflow"},
    {"type 39",
     {},
     [](auto& f) { q(f).type = 39; },
     "blk.0.attn_q.weight: found MXFP4, or TL2 of bitnet.cpp (type 39), wanted one of F32, F16, "
     "BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q5_0, Q4_1, Q4_0, TQ1_0, TQ2_0, I2_S, Q1_0, Q2_0, PQ2_0, "
     "PTQ1_0"},
    {"type of no one",
     {},
     [](auto& f) { q(f).type = 4000000000U; },
     "blk.0.attn_q.weight: found type 4000000000, wanted"},
    {"offset past the end",
     {},
     [](auto& f) { q(f).offset = 1 << 30; },
     "blk.0.attn_q.weight: 64 bytes at offset"},
    {"offset overflows",
     {},
     [](auto& f) { f.tensors.back().offset = std::numeric_limits<int64_t>::max() - 31; },
     "output_norm.weight: 32 bytes at offset 9223372036854775776 end past the end of the file, "
     "which has"},
    {"odd offset",
     {},
     [](auto& f) { q(f).offset = 5161; },
     "blk.0.attn_q.weight: offset 5161 is not a multiple of the alignment 32"},
    {"overlap",
     {},
     [](auto& f) { q(f).offset = 5120; },
     "blk.0.attn_norm.weight: 32 bytes at offset 5120 overlap "
     "blk.0.attn_q.weight at offset 5120"},
    {"another type 36",
     {},
     [](auto& f) { q(f).data.resize(144); },
     "blk.0.attn_q.weight: type 36 with 160 bytes, wanted 64 as I2_S has them"},
};

TEST(GgufHostile, EveryErrorNamesPlaceFoundAndWanted) { expect_errors(kCases); }

}  // namespace
}  // namespace bitnet::testing
