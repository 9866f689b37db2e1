// A complete model file of a few kilobytes, built in memory, for tests that bend one thing in it
// and for fuzzing.
#pragma once

#include <cmath>
#include <optional>
#include <random>
#include <string>

#include "runtime/base/half.h"
#include "runtime/gguf/types.h"
#include "runtime/model/architecture.h"
#include "tests/gguf_builder.h"
#include "tools/synth/encode.h"
#include "tools/synth/vocabulary.h"

namespace bitnet::testing {

struct TinyModel {
  std::string architecture = "bitnet";
  GgmlType linear = GgmlType::i2_s;  // TQ types need K of 256
  GgmlType head = GgmlType::f16;
  // Of output.weight, where the head is not the embedding. A ternary embedding has one.
  std::optional<GgmlType> output = {};
  uint64_t hidden = 8, feed_forward = 12, heads = 2, kv_heads = 1, head_size = 4, vocabulary = 320;
};

inline Bytes ternary_bytes(GgmlType type, uint64_t n, uint64_t k, float scale,
                           std::mt19937& random) {
  std::vector<uint8_t> codes(n * k);
  for (uint8_t& code : codes)
    code = static_cast<uint8_t>(type == GgmlType::q1_0 ? random() % 2 * 2 : random() % 3);
  Bytes out(tensor_bytes(type, n, k).value());
  synth::encode_codes(type, codes.data(), static_cast<int64_t>(n * k), scale, out.data());
  if (type == GgmlType::i2_s) std::memcpy(out.data() + out.size() - 32, &scale, sizeof scale);
  return out;
}

inline GgufBuilder build_tiny(const TinyModel& m = {}) {
  GgufBuilder file;
  std::mt19937 random(7);
  const auto u32 = [&](const std::string& key, uint64_t value) {
    file.u32(m.architecture + "." + key, static_cast<uint32_t>(value));
  };
  file.text("general.architecture", m.architecture);
  file.text("general.name", "tiny");
  u32("vocab_size", m.vocabulary);
  u32("context_length", 64);
  u32("embedding_length", m.hidden);
  u32("block_count", 1);
  u32("feed_forward_length", m.feed_forward);
  u32("rope.dimension_count", m.head_size);
  file.f32(m.architecture + ".rope.freq_base", 10000);
  u32("attention.head_count", m.heads);
  u32("attention.head_count_kv", m.kv_heads);
  if (m.head_size * m.heads != m.hidden) u32("attention.key_length", m.head_size);
  file.f32(m.architecture + ".attention.layer_norm_rms_epsilon", 1e-5F);
  const synth::Vocabulary words = synth::make_vocabulary(static_cast<int64_t>(m.vocabulary));
  file.text("tokenizer.ggml.model", "gpt2");
  file.text("tokenizer.ggml.pre", "llama-bpe");
  file.texts("tokenizer.ggml.tokens", words.tokens);
  file.array("tokenizer.ggml.token_type", GgufValueType::i32, words.kinds);
  file.texts("tokenizer.ggml.merges", words.merges);
  file.u32("tokenizer.ggml.bos_token_id", words.bos);
  file.u32("tokenizer.ggml.eos_token_id", words.eos);

  const auto add = [&](const std::string& name, std::vector<uint64_t> dims, GgmlType type,
                       Bytes data) {
    file.tensors.push_back({name, std::move(dims), file_id(type), std::move(data), -1});
  };
  const auto norm = [&](const std::string& name, uint64_t k) {
    Bytes data;
    for (uint64_t i = 0; i < k; ++i) put(data, 1.0F);
    add(name, {k}, GgmlType::f32, std::move(data));
  };
  const auto matrix = [&](const std::string& name, uint64_t n, uint64_t k) {
    add(name, {k, n}, m.linear, ternary_bytes(m.linear, n, k, 0.25F, random));
  };
  const auto vocabulary_rows = [&](const std::string& name, GgmlType type) {
    if (traits(type).ternary)
      return add(name, {m.hidden, m.vocabulary}, type,
                 ternary_bytes(type, m.vocabulary, m.hidden, 0.25F, random));
    Bytes rows(tensor_bytes(type, m.vocabulary, m.hidden).value());
    std::vector<float> row(m.hidden);
    for (uint64_t r = 0; r < m.vocabulary; ++r) {
      for (float& x : row) x = static_cast<float>(random() % 1024) / 512.0F - 1;
      synth::encode_row(type, row.data(), static_cast<int64_t>(m.hidden),
                        rows.data() + r * (rows.size() / m.vocabulary));
    }
    add(name, {m.hidden, m.vocabulary}, type, std::move(rows));
  };
  const LinearShapes shapes{.hidden = static_cast<int64_t>(m.hidden),
                            .q_rows = static_cast<int64_t>(m.heads * m.head_size),
                            .kv_rows = static_cast<int64_t>(m.kv_heads * m.head_size),
                            .feed_forward = static_cast<int64_t>(m.feed_forward)};
  const Architecture& graph = *find_architecture(m.architecture);
  vocabulary_rows("token_embd.weight", m.head);
  const auto full = [](std::string_view name) { return "blk.0." + std::string(name) + ".weight"; };
  // Sub-norms last: tests bend what stands first and last.
  const auto norm_of = [&](const ProductDescription& product, bool sub_norms) {
    const std::string_view name = product.norm.name;
    if (!name.empty() && name.ends_with("sub_norm") == sub_norms)
      norm(full(name), static_cast<uint64_t>(shapes.*product.columns));
  };
  for (const ProductDescription& product : graph.products) {
    norm_of(product, false);
    for (const MatrixDescription& part : product.matrices)
      matrix(full(part.name), static_cast<uint64_t>(shapes.*part.rows),
             static_cast<uint64_t>(shapes.*product.columns));
  }
  for (const ProductDescription& product : graph.products) norm_of(product, true);
  for (const NormDescription& head_norm : graph.head_norms) norm(full(head_norm.name), m.head_size);
  norm("output_norm.weight", m.hidden);
  if (m.output) vocabulary_rows("output.weight", *m.output);
  return file;
}

// One of each kind: the seeds of mutation and fuzzing.
inline std::vector<Bytes> tiny_models() {
  const TinyModel block = {
      .hidden = 256, .feed_forward = 256, .heads = 2, .kv_heads = 1, .head_size = 128};
  std::vector<Bytes> out = {build_tiny().build(),
                            build_tiny({.architecture = "bitnet-b1.58"}).build(),
                            build_tiny({.architecture = "llama", .head = GgmlType::f32}).build(),
                            build_tiny({.architecture = "qwen3", .head_size = 8}).build(),
                            build_tiny({.architecture = "minicpm"}).build()};
  for (const auto& [linear, head] :
       {std::pair{GgmlType::tq2_0, GgmlType::q6_k}, {GgmlType::tq1_0, GgmlType::q8_0}}) {
    TinyModel model = block;
    model.linear = linear;
    model.head = head;
    out.push_back(build_tiny(model).build());
  }
  for (const auto& [embedding, output] : {std::pair{GgmlType::q1_0, GgmlType::q4_0},
                                          {GgmlType::q2_0, GgmlType::q4_1},
                                          {GgmlType::q2_0_g128, GgmlType::q5_0},
                                          {GgmlType::pq2_0, GgmlType::q4_k},
                                          {GgmlType::ptq1_0, GgmlType::q5_k}}) {
    TinyModel model = block;
    model.linear = GgmlType::tq2_0;
    model.head = embedding;
    model.output = output;
    out.push_back(build_tiny(model).build());
  }
  return out;
}

}  // namespace bitnet::testing
