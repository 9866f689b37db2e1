// Embeddings and heads of a model in every type: a model whose embedding is ternary gives the bits
// of one that stores the same floats; what cannot be a row or a head yet is refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <filesystem>

#include "runtime/base/atomic_file.h"
#include "runtime/base/half.h"
#include "runtime/model/float_kernels.h"
#include "runtime/model/model_file.h"
#include "runtime/session.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

TinyModel with(GgmlType embedding, std::optional<GgmlType> output = {}) {
  return {.linear = GgmlType::tq2_0,
          .head = embedding,
          .output = output,
          .hidden = 256,
          .feed_forward = 256,
          .heads = 2,
          .kv_heads = 1,
          .head_size = 128};
}

Result<std::vector<uint32_t>> logits_of(const Bytes& bytes) {
  const std::string path =
      std::filesystem::temp_directory_path() / fmt::format("bitnet-model-rows-{}.gguf", getpid());
  BITNET_CHECK(write_file_atomically(path, bytes));
  auto loaded = Model::load(path, {.threads = 1, .kernels = KernelChoice::builtin});
  std::filesystem::remove(path);
  BITNET_TRY(Model model, std::move(loaded));
  BITNET_TRY(Sequence sequence, model.sequence(16));
  std::vector<TokenRequest> requests;
  for (const int32_t token : {5, 300, 7, 319})
    requests.push_back({.sequence = &sequence, .token = token, .want = {.kind = Want::Kind::all}});
  BITNET_TRY(const auto results, model.evaluate(requests));
  std::vector<uint32_t> bits;
  for (const TokenResult& result : results)
    for (const float logit : result.all) bits.push_back(std::bit_cast<uint32_t>(logit));
  return bits;
}

// The tensor as F16, which holds d * t exactly.
void store_as_f16(TestTensor& tensor, GgmlType type) {
  const auto k = static_cast<int64_t>(tensor.dims[0]);
  const size_t row_bytes = tensor.data.size() / tensor.dims[1];
  std::vector<float> row(tensor.dims[0]);
  Bytes halves;
  for (uint64_t n = 0; n < tensor.dims[1]; ++n) {
    reference_float_kernels().embed(
        static_cast<int32_t>(type),
        reinterpret_cast<const uint8_t*>(tensor.data.data()) + n * row_bytes, k, row.data());
    for (const float x : row) put(halves, half_from_float(x));
  }
  tensor.type = file_id(GgmlType::f16);
  tensor.data = std::move(halves);
}

TEST(ModelRows, TernaryEmbeddingsAreTheFloatsThatTheyStandFor) {
  for (const TypeTraits& t : known_types()) {
    if (!t.ternary || t.type == GgmlType::i2_s) continue;
    GgufBuilder file = build_tiny(with(t.type, GgmlType::q4_k));
    const auto got = logits_of(file.build());
    ASSERT_TRUE(got) << t.name << ": " << got.error().message;
    EXPECT_EQ(got->size(), 4U * 320);
    store_as_f16(file.tensor("token_embd.weight"), t.type);
    EXPECT_EQ(*got, logits_of(file.build()).value()) << t.name;
  }
}

TEST(ModelRows, EveryOtherTypeIsEmbeddingAndHead) {
  for (const TypeTraits& t : known_types()) {
    if (t.ternary) continue;
    const auto got = logits_of(build_tiny(with(t.type)).build());
    EXPECT_TRUE(got) << t.name << ": " << got.error().message;
  }
}

TEST(ModelRows, WhatIsNoRowIsRefused) {
  const auto error = [](const TinyModel& tiny) {
    const Bytes bytes = build_tiny(tiny).build();
    const auto read = ModelFile::parse(bytes, "t.gguf");
    return read ? std::string("none") : read.error().message;
  };
  const std::string wanted =
      " as the head, wanted one of F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q5_0, Q4_1, Q4_0";
  EXPECT_EQ(error(with(GgmlType::ptq1_0)), "t.gguf: token_embd.weight: found PTQ1_0" + wanted);
  EXPECT_EQ(error(with(GgmlType::f16, GgmlType::q2_0)),
            "t.gguf: output.weight: found Q2_0" + wanted);
  EXPECT_EQ(error(with(GgmlType::i2_s, GgmlType::f16)),
            "t.gguf: token_embd.weight: found I2_S, whose one scale is apart from its rows");
}

}  // namespace
}  // namespace bitnet::testing
