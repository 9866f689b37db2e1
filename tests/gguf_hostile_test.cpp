// Wrong model files, one thing bent in each: the error names the file, the place, what was found
// and what was wanted.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "runtime/model/model_file.h"
#include "tests/read_everything.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

struct Hostile {
  const char* what;
  TinyModel model;
  std::function<void(GgufBuilder&)> bend;
  const char* error;  // after "fuzz.gguf: "
};

TestTensor& q(GgufBuilder& f) { return f.tensor("blk.0.attn_q.weight"); }

void put_float(TestTensor& tensor, size_t at, float value) {
  std::memcpy(tensor.data.data() + at, &value, 4);
}

TinyModel with_tq(GgmlType type) {
  return {.linear = type,
          .head = GgmlType::q6_k,
          .hidden = 256,
          .feed_forward = 512,
          .kv_heads = 2,
          .head_size = 128};
}

// A string array that claims more than is there.
Bytes array_of(GgufValueType type, uint64_t count) {
  Bytes raw;
  put(raw, static_cast<uint32_t>(GgufValueType::array));
  put(raw, static_cast<uint32_t>(type));
  put(raw, count);
  return raw;
}

const std::vector<Hostile>& cases() {
  static const std::vector<Hostile> kCases = {
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
       "BF16, Q8_0, Q6_K, TQ1_0, "
       "TQ2_0, I2_S"},
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
      // Ternary matrices.
      {"code 3",
       {},
       [](auto& f) { q(f).data[0] |= std::byte{0xC0}; },
       "blk.0.attn_q.weight: row 0, column 0: found the code 3, wanted 0 to 2"},
      {"code 3 in TQ2_0", with_tq(GgmlType::tq2_0),
       [](auto& f) { q(f).data[7 * 66 + 40] |= std::byte{0x30}; },
       "blk.0.attn_q.weight: row 7, column 200: found the code 3, wanted 0 to 2"},
      {"I2_S scale NaN",
       {},
       [](auto& f) { put_float(q(f), 32, std::nanf("")); },
       "blk.0.attn_q.weight: found the weight scale nan, wanted a positive finite number"},
      {"I2_S scale 0",
       {},
       [](auto& f) { put_float(q(f), 32, 0); },
       "blk.0.attn_q.weight: found the weight scale 0, wanted"},
      {"I2_S scale -1",
       {},
       [](auto& f) { put_float(q(f), 32, -1); },
       "blk.0.attn_q.weight: found the weight scale -1, wanted"},
      {"TQ scale inf", with_tq(GgmlType::tq2_0),
       [](auto& f) { q(f).data[64] = std::byte{0}, q(f).data[65] = std::byte{0x7C}; },
       "blk.0.attn_q.weight: found the weight scale inf, wanted"},
      {"TQ scale differs", with_tq(GgmlType::tq1_0),
       [](auto& f) { q(f).data[9 * 54 + 53] = std::byte{0x38}; },
       "blk.0.attn_q.weight: row 9, block 0: found the scale 0.5, wanted 0.25 as in every other "
       "block: not ternary with one "
       "scale"},
      {"TQ of odd K",
       {},
       [](auto& f) { q(f).type = 35; },
       "blk.0.attn_q.weight: K=8 is not a multiple of the block size 256 of TQ2_0"},
      {"scale tensor",
       {},
       [](auto& f) { f.tensors.push_back({"blk.0.attn_q.scale", {2}, 0, Bytes(8), -1}); },
       "blk.0.attn_q.scale: found F32 1x2, wanted one F32"},
      {"scale of 0",
       {},
       [](auto& f) { f.tensors.push_back({"blk.0.attn_q.scale", {1}, 0, Bytes(4), -1}); },
       "blk.0.attn_q.weight: found the weight scale 0, wanted"},
      // Hyper-parameters.
      {"no architecture",
       {},
       [](auto& f) { f.remove("general.architecture"); },
       "there is no key general.architecture"},
      {"gemma",
       {},
       [](auto& f) { f.text("general.architecture", "gemma3"); },
       "key general.architecture: found \"gemma3\", wanted bitnet, bitnet-b1.58, bitnet-25, "
       "llama, qwen3 or minicpm"},
      {"no layers",
       {},
       [](auto& f) { f.remove("bitnet.block_count"); },
       "there is no key bitnet.block_count"},
      {"0 layers",
       {},
       [](auto& f) { f.u32("bitnet.block_count", 0); },
       "key bitnet.block_count: found 0, wanted 1 to 4096"},
      {"more layers",
       {},
       [](auto& f) { f.u32("bitnet.block_count", 2); },
       "there is no tensor blk.1.attn_norm.weight"},
      {"width as text",
       {},
       [](auto& f) { f.text("bitnet.embedding_length", "8"); },
       "key bitnet.embedding_length: found the string \"8\", wanted an integer of 0 or more"},
      {"negative width",
       {},
       [](auto& f) { f.number("bitnet.embedding_length", GgufValueType::i32, -8); },
       "key bitnet.embedding_length: found the integer -8, wanted an integer of 0 or more"},
      {"K above the limit",
       {},
       [](auto& f) { f.u32("bitnet.feed_forward_length", 131073); },
       "key bitnet.feed_forward_length: found 131073, wanted at most 131072, up to which dot "
       "products are exact"},
      {"hidden K above the limit",
       {},
       [](auto& f) { f.u32("bitnet.embedding_length", 262144); },
       "key bitnet.embedding_length: found 262144, wanted at most 131072, up to which dot "
       "products are exact"},
      {"K of no machine",
       {},
       [](auto& f) { f.u32("bitnet.feed_forward_length", 0xffffffffU); },
       "key bitnet.feed_forward_length: found 4294967295, wanted 1 to 2147483648"},
      {"all heads above the limit",
       {},
       [](auto& f) {
         f.u32("bitnet.attention.key_length", 65537);
         f.u32("bitnet.attention.value_length", 65537);
       },
       "key bitnet.attention.head_count: found 2, wanted at most 131072 features in all heads of "
       "65537, up to which dot products are exact"},
      {"5 heads",
       {},
       [](auto& f) { f.u32("bitnet.attention.head_count", 5); },
       "key bitnet.attention.head_count: found 5, wanted a divisor of the embedding length 8"},
      {"3 kv heads",
       {},
       [](auto& f) { f.u32("bitnet.attention.head_count_kv", 3); },
       "key bitnet.attention.head_count_kv: found 3, wanted a divisor of the 2 heads"},
      {"kv heads a layer",
       {},
       [](auto& f) {
         f.template array<int32_t>("bitnet.attention.head_count_kv", GgufValueType::i32, {1, 2});
       },
       "key bitnet.attention.head_count_kv: found an array of 2 integers, wanted an integer"},
      {"value length",
       {},
       [](auto& f) { f.u32("bitnet.attention.value_length", 8); },
       "key bitnet.attention.value_length: found 8, wanted the key length 4"},
      {"odd rotation",
       {},
       [](auto& f) { f.u32("bitnet.rope.dimension_count", 3); },
       "key bitnet.rope.dimension_count: found 3, wanted an even number up to the head size 4"},
      {"wide rotation",
       {},
       [](auto& f) { f.u32("bitnet.rope.dimension_count", 6); },
       "key bitnet.rope.dimension_count: found 6, wanted an even number up to the head size 4"},
      {"rope base nan",
       {},
       [](auto& f) { f.f32("bitnet.rope.freq_base", std::nanf("")); },
       "key bitnet.rope.freq_base: found nan, wanted above 0"},
      {"rope base below 1",
       {},
       [](auto& f) { f.f32("bitnet.rope.freq_base", 1e-30F); },
       "key bitnet.rope.freq_base: found 1"},
      {"rope scaling",
       {},
       [](auto& f) {
         f.text("bitnet.rope.scaling.type", "dynamic");
         f.f32("bitnet.rope.scaling.factor", 4);
       },
       "key bitnet.rope.scaling.type: found the string \"dynamic\", wanted none, linear, yarn or "
       "longrope: another way to stretch positions is not implemented"},
      {"rope scaling by nothing",
       {},
       [](auto& f) { f.f32("bitnet.rope.scaling.factor", std::nanf("")); },
       "key bitnet.rope.scaling.factor: found nan, wanted 0.001 to 1000000, or 0 for none"},
      {"epsilon 0",
       {},
       [](auto& f) { f.f32("bitnet.attention.layer_norm_rms_epsilon", 0); },
       "key bitnet.attention.layer_norm_rms_epsilon: found 0, wanted above 0, at most 1"},
      {"epsilon as integer",
       {},
       [](auto& f) { f.u32("bitnet.attention.layer_norm_rms_epsilon", 1); },
       "key bitnet.attention.layer_norm_rms_epsilon: found the integer 1, wanted a float"},
      // Tensors by role.
      {"fewer rows",
       {},
       [](auto& f) { f.u32("bitnet.vocab_size", 321); },
       "key tokenizer.ggml.tokens: found 320 tokens, wanted 321 as the model has"},
      {"fewer tokens",
       {},
       [](auto& f) { f.remove("bitnet.vocab_size"), f.texts("tokenizer.ggml.tokens", {"a", "b"}); },
       "token_embd.weight: found 320x8 (rows x columns), wanted 2x8"},
      {"no embedding",
       {},
       [](auto& f) { f.remove_tensor("token_embd.weight"); },
       "there is no tensor token_embd.weight"},
      {"no norm",
       {},
       [](auto& f) { f.remove_tensor("blk.0.ffn_sub_norm.weight"); },
       "there is no tensor blk.0.ffn_sub_norm.weight"},
      {"norm length",
       {},
       [](auto& f) { f.tensor("blk.0.ffn_norm.weight").dims = {4}; },
       "blk.0.ffn_norm.weight: found 1x4 (rows x columns), wanted 1x8"},
      {"norm nan",
       {},
       [](auto& f) { put_float(f.tensor("output_norm.weight"), 12, std::nanf("")); },
       "output_norm.weight: element 3 is nan, wanted a finite number"},
      {"wrong rows",
       {},
       [](auto& f) { q(f).dims = {8, 6}; },
       "blk.0.attn_q.weight: found 6x8 (rows x columns), wanted 8x8"},
      {"one dimension",
       {},
       [](auto& f) { q(f).dims = {64}; },
       "blk.0.attn_q.weight: found 1 dimension, wanted the 2 of a matrix"},
      {"ternary embedding",
       {},
       [](auto& f) { f.tensor("token_embd.weight").type = 36; },
       "token_embd.weight: type 36 with 5120 bytes, wanted 672 as I2_S has them"},
      {"llama of floats",
       {.architecture = "llama"},
       [](auto& f) { q(f).type = 1, q(f).data.resize(128); },
       "blk.0.attn_q.weight: found F16, wanted a ternary type (I2_S, TQ2_0 or TQ1_0)"},
      {"llama with sub-norms",
       {.architecture = "llama"},
       [](auto& f) { f.tensors.push_back({"blk.0.attn_sub_norm.weight", {8}, 0, Bytes(32), -1}); },
       "blk.0.attn_sub_norm.weight: architecture llama with 1 layers has no such tensor here"},
      {"a bias",
       {},
       [](auto& f) {
         f.tensors.push_back(
             {"blk.0.attn_q.b\xff"
              "as",
              {8},
              0,
              Bytes(32),
              -1});
       },
       "blk.0.attn_q.b\\xffas: architecture bitnet with 1 layers has no such tensor here"},
  };
  return kCases;
}

TEST(GgufHostile, EveryErrorNamesPlaceFoundAndWanted) {
  for (const Hostile& c : cases()) {
    GgufBuilder file = build_tiny(c.model);
    c.bend(file);
    const auto read = read_everything(file.build());
    if (read) {
      ADD_FAILURE() << c.what << ": was read without an error";
      continue;
    }
    const std::string want = std::string("fuzz.gguf: ") + c.error;
    EXPECT_EQ(read.error().message.substr(0, want.size()), want)
        << c.what << "\n  in full: " << read.error().message;
  }
}

}  // namespace
}  // namespace bitnet::testing
