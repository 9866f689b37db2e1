// Wrong models in good GGUF files: ternary matrices, hyper-parameters and tensors by role.
#include <cmath>

#include "tests/hostile_files.h"

namespace bitnet::testing {
namespace {

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

const Hostile kCases[] = {
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
     "blk.0.attn_q.weight: row 0, block 0: found the scale inf, wanted a finite number"},
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
     "blk.0.attn_q.weight: found F16, wanted a ternary type (TQ1_0, TQ2_0, I2_S, Q1_0, Q2_0, "
     "PQ2_0, PTQ1_0): llama-quantize leaves a matrix so where K, 8 here, is not a multiple of "
     "256"},
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

TEST(ModelHostile, EveryErrorNamesPlaceFoundAndWanted) { expect_errors(kCases); }

}  // namespace
}  // namespace bitnet::testing
