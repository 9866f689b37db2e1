// Type ids that mean more than one thing: the bytes between offsets say which.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "tests/gguf_in_memory.h"

namespace bitnet {
namespace {

using testing::add;
using testing::Bytes;
using testing::File;
using testing::GgufBuilder;

TEST(GgufLayouts, TensorBytesOfEveryBlockType) {
  struct Size {
    GgmlType type;
    uint64_t bytes;  // of 3 rows of 512
  };
  for (const Size size : {Size{GgmlType::q4_0, 864},
                          {GgmlType::q4_1, 960},
                          {GgmlType::q5_0, 1056},
                          {GgmlType::q4_k, 864},
                          {GgmlType::q5_k, 1056},
                          {GgmlType::q1_0, 216},
                          {GgmlType::q2_0, 432},
                          {GgmlType::q2_0_g128, 408},
                          {GgmlType::pq2_0, 408},
                          {GgmlType::ptq1_0, 336}})
    EXPECT_EQ(tensor_bytes(size.type, 3, 512).value(), size.bytes) << traits(size.type).name;
}

// What stands in a file for the older layout is the id of the newer.
TEST(GgufLayouts, IdsOfFiles) {
  for (const TypeTraits& t : known_types()) {
    const bool older = t.type == GgmlType::q2_0_g128;
    EXPECT_EQ(find_type(file_id(t.type))->type, older ? GgmlType::q2_0 : t.type);
    EXPECT_EQ(find_type(static_cast<uint32_t>(t.type)) == nullptr, older);
  }
}

// ---- The two layouts of id 42

constexpr uint64_t newer_bytes(uint64_t weights) { return weights / 64 * 18; }
constexpr uint64_t older_bytes(uint64_t weights) { return weights / 128 * 34; }

GgufBuilder of_42(std::initializer_list<std::pair<uint64_t, uint64_t>> weights_and_bytes) {
  GgufBuilder file;
  for (const auto& [weights, bytes] : weights_and_bytes)
    add(file, fmt::format("w{}.weight", file.tensors.size()), 1, weights, 42,
        Bytes(static_cast<size_t>(bytes)));
  return file;
}

TEST(GgufLayouts, BytesTellTheLayoutsOf42Apart) {
  const auto type = [](const GgufBuilder& file) -> std::optional<GgmlType> {
    const File read(file);
    if (!read.gguf()) return std::nullopt;
    return read.type("w0.weight");
  };
  EXPECT_EQ(type(of_42({{2048, newer_bytes(2048)}, {128, 36}})), GgmlType::q2_0);
  EXPECT_EQ(type(of_42({{2048, older_bytes(2048)}, {128, 34}})), GgmlType::q2_0_g128);
  EXPECT_EQ(type(of_42({{128, 36}, {2048, newer_bytes(2048)}})), GgmlType::q2_0);  // by the last
  EXPECT_EQ(type(of_42({{128, 34}, {2048, older_bytes(2048)}})), GgmlType::q2_0_g128);
  EXPECT_EQ(type(of_42({{192, 54}, {128, 36}})), GgmlType::q2_0);  // 128 does not divide K
  // The last tensor may be followed by anything once another one has decided.
  EXPECT_EQ(type(of_42({{2048, newer_bytes(2048)}, {2048, newer_bytes(2048) + 100}})),
            GgmlType::q2_0);
  EXPECT_EQ(type(of_42({{2048, older_bytes(2048)}, {2048, older_bytes(2048) + 500}})),
            GgmlType::q2_0_g128);
  // In any order of the list.
  GgufBuilder swapped = of_42({{2048, older_bytes(2048)}, {2048, older_bytes(2048)}});
  std::swap(swapped.tensors[0].name, swapped.tensors[1].name);
  EXPECT_EQ(type(swapped), GgmlType::q2_0_g128);
}

TEST(GgufLayouts, FilesThatNeitherLayoutFitsAreRefused) {
  const auto error = [](const GgufBuilder& file) { return File(file).error(); };
  EXPECT_EQ(error(of_42({{128, 36}, {256, 72}})),
            "t.gguf: w0.weight: type 42 with 64 bytes: nothing tells whether Q2_0 has 64 weights a "
            "scale here (36 bytes) or 128 (34)");
  EXPECT_EQ(
      error(of_42({{4096, newer_bytes(4096)}, {4096, older_bytes(4096)}, {128, 36}})),
      "t.gguf: w1.weight: type 42 with 1088 bytes, wanted 1152 as Q2_0 has them with 64 weights "
      "a scale; but w0.weight has 1152, wanted 1088 as Q2_0 has them with 128: all of a file "
      "must be alike");
  EXPECT_EQ(
      error(of_42({{4096, older_bytes(4096)}, {4096, newer_bytes(4096)}})),
      "t.gguf: w0.weight: type 42 with 1088 bytes, wanted 1152 as Q2_0 has them with 64 weights "
      "a scale; but w1.weight has 1152, wanted 1088 as Q2_0 has them with 128: all of a file "
      "must be alike");
  EXPECT_EQ(
      error(of_42({{4096, 4096}, {4096, 4096}})),
      "t.gguf: w0.weight: type 42 with 4096 bytes, wanted 1152 as Q2_0 has them with 64 weights "
      "a scale, or 1088 with 128");
  EXPECT_EQ(
      error(of_42({{4096, newer_bytes(4096) + 96}})),
      "t.gguf: w0.weight: type 42 with 1248 bytes: nothing tells whether Q2_0 has 64 weights a "
      "scale here (1152 bytes) or 128 (1088)");
  EXPECT_EQ(error(of_42({{96, 34}})),
            "t.gguf: w0.weight: K=96 is not a multiple of the block size 64 of Q2_0");
  // The older layout at first, then a last tensor that it cannot have.
  EXPECT_EQ(
      error(of_42({{4096, older_bytes(4096)}, {192, 40}})),
      "t.gguf: w0.weight: type 42 with 1088 bytes, wanted 1152 as Q2_0 has them with 64 weights "
      "a scale; but w1.weight has 64, wanted 0 as Q2_0 has them with 128: all of a file must "
      "be alike");
}

// What follows the last tensor fits neither layout of it, but the others have decided for the one
// that it cannot have.
TEST(GgufLayouts, ALastTensorThatTheOlderLayoutCannotHaveIsRefused) {
  EXPECT_EQ(File(of_42({{4096, older_bytes(4096)}, {192, 300}})).error(),
            "t.gguf: w0.weight: type 42 with 1088 bytes, wanted 1152 as Q2_0 has them with 64 "
            "weights a scale; but w1.weight has 320, wanted 0 as Q2_0 has them with 128: all of a "
            "file must be alike");
}

TEST(GgufLayouts, TruncatedFilesOf42EndPastTheEnd) {
  const Bytes whole = of_42({{4096, newer_bytes(4096)}, {4096, newer_bytes(4096)}}).build();
  for (const size_t missing : {32UL, 64UL, 96UL, 1000UL}) {
    const std::string error =
        File(Bytes(whole.begin(), whole.end() - static_cast<long>(missing))).error();
    // 64 bytes less is what the older layout has.
    EXPECT_TRUE(error.starts_with(missing == 64 ? "t.gguf: w1.weight: type 42 with 1088 bytes"
                                                : "t.gguf: w1.weight: 1152 bytes at offset 1152"))
        << error;
  }
}

// ---- What has the id of another type, or is none

TEST(GgufLayouts, TencentsType41IsToldByItsSize) {
  GgufBuilder file;
  add(file, "w.weight", 8, 512, 41, Bytes(8 * (512 / 4 + 2)));
  EXPECT_EQ(File(file).error(),
            "t.gguf: w.weight: type 41 with 1056 bytes, wanted 576 as Q1_0 has them: these are "
            "Tencent's two bits a weight with a scale a row, which are not ternary");
  file.tensors.push_back({"norm.weight", {8}, 0, Bytes(32), -1});
  EXPECT_TRUE(File(file).error().starts_with("t.gguf: w.weight: type 41 with 1056 bytes, wanted"));
  file.tensors[0].data.resize(2000);
  EXPECT_EQ(File(file).error(),
            "t.gguf: w.weight: type 41 with 2016 bytes, wanted 576 as Q1_0 has them");
}

// Where padding hides the difference a tensor is what its id means first.
TEST(GgufLayouts, SmallTensorsOfType41AreQ1) {
  GgufBuilder file;
  file.alignment = 128;
  file.u32("general.alignment", 128);
  add(file, "w.weight", 1, 128, 41, Bytes(18));
  file.tensors.push_back({"norm.weight", {8}, 0, Bytes(32), -1});
  EXPECT_EQ(File(file).error(), "none");
}

TEST(GgufLayouts, WhatLlamaQuantizeLeavesIsRefusedWithTheReason) {
  const auto error = [](uint32_t id, uint64_t k, size_t bytes) {
    GgufBuilder file;
    add(file, "w.weight", 2, k, id, Bytes(bytes));
    const auto matrix = File(file).matrix();
    return matrix ? std::string("none") : matrix.error().message;
  };
  const std::string wanted =
      ", wanted a ternary type (TQ1_0, TQ2_0, I2_S, Q1_0, Q2_0, PQ2_0, PTQ1_0)";
  EXPECT_EQ(error(2, 3200, 2 * 100 * 18),
            "t.gguf: w.weight: found Q4_0" + wanted +
                ": llama-quantize leaves a matrix so where K, 3200 here, is not a multiple of 256");
  EXPECT_EQ(error(1, 3208, 2 * 3208 * 2),
            "t.gguf: w.weight: found F16" + wanted +
                ": llama-quantize leaves a matrix so where K, 3208 here, is not a multiple of 256");
  EXPECT_EQ(error(2, 512, 2 * 16 * 18), "t.gguf: w.weight: found Q4_0" + wanted);
  EXPECT_EQ(error(12, 512, 2 * 2 * 144), "t.gguf: w.weight: found Q4_K" + wanted);
}

}  // namespace
}  // namespace bitnet
