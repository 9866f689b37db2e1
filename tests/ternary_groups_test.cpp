// Matrices with a scale for every group of weights: what the readers make of their bytes. The bytes
// of right blocks come from a writer in another language, of the same trits in every type.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime/base/half.h"
#include "runtime/gguf/ternary.h"
#include "tests/gguf_in_memory.h"

namespace bitnet {
namespace {

using testing::add;
using testing::Bytes;
using testing::File;
using testing::GgufBuilder;
using testing::put;

// 256 weights; scale i is (i + 1) / 8, every second one negative.
struct Sample {
  GgmlType type;
  int64_t group;
  const char* hex;
};
constexpr Sample kSamples[] = {
    {GgmlType::tq1_0, 256,
     "7bc2a86f3547ec3f51580ed1c8500ef7a1caf2b82c9d1b3ecc0b663d47bf645ef69410448832c168"
     "62ec922f4b51503230d72a7f0030"},
    {GgmlType::tq2_0, 256,
     "8562a9a164588a48680150160668502a99065a525459a04846109148582251819a85105026a12a96"
     "158a0590906021a02a9a21485646516191695864299959460030"},
    {GgmlType::q1_0, 128,
     "003008765da1720fd88245e574570d04795900b49216031d063246594cb2ecae1423b353"},
    {GgmlType::q2_0, 64,
     "003059208482a904125821a9428926898102"
     "00b4a806529851251419a665111452656191"
     "003606a619101a5a0595066119008a05686a"
     "00b8516a41a9269199164a88888648555658"},
    {GgmlType::q2_0_g128, 128,
     "003059208482a904125821a9428926898102a806529851251419a66511145265619100b406a61910"
     "1a5a0595066119008a05686a516a41a9269199164a88888648555658"},
    {GgmlType::pq2_0, 128,
     "003059208482a904125821a9428926898102a806529851251419a66511145265619100b406a61910"
     "1a5a0595066119008a05686a516a41a9269199164a88888648555658"},
    {GgmlType::ptq1_0, 128,
     "82e9aa910f37be1a52561ebcbb4e1edd6e26896a7d9ce00b9b230030fe9f1e08f394ddd27de16605"
     "24257b3fdbaac84a963473c6cb8800b4"},
};

std::vector<int8_t> sample_trits(bool binary) {
  std::vector<int8_t> trits;
  for (uint32_t x = 1; trits.size() < 256;) {
    x = x * 1664525U + 1013904223U;
    const int draw = static_cast<int>(x >> 16U);
    trits.push_back(static_cast<int8_t>(binary ? draw % 2 * 2 - 1 : draw % 3 - 1));
  }
  return trits;
}

Bytes sample_bytes(const Sample& sample) {
  Bytes out;
  for (const char* at = sample.hex; *at != '\0'; at += 2) {
    const char digits[] = {at[0], at[1], '\0'};
    out.push_back(static_cast<std::byte>(std::strtoul(digits, nullptr, 16)));
  }
  return out;
}

Bytes repeated(const Bytes& bytes, size_t times) {
  Bytes out;
  for (size_t i = 0; i < times; ++i) out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

// Four rows of the sample, and a vector that ends the file, so that the room of every matrix is
// known.
File file_of(const Sample& sample, const Bytes& data, uint64_t n = 4) {
  GgufBuilder file;
  add(file, "w.weight", n, data.size() / sample_bytes(sample).size() * 256 / n,
      file_id(sample.type), data);
  file.tensors.push_back({"norm.weight", {8}, 0, Bytes(32), -1});
  return File(file);
}
File file_of(const Sample& sample) { return file_of(sample, repeated(sample_bytes(sample), 8)); }

const Sample& sample_of(GgmlType type) { return *std::ranges::find(kSamples, type, &Sample::type); }

void put_half(Bytes& data, size_t at, uint16_t half) { std::memcpy(data.data() + at, &half, 2); }

TEST(TernaryGroups, EveryTypeGivesItsWeightsAndScales) {
  for (const Sample& sample : kSamples) {
    const File file = file_of(sample);
    ASSERT_TRUE(file.gguf()) << file.error();
    EXPECT_EQ(file.type("w.weight"), sample.type);
    const auto matrix = file.matrix();
    ASSERT_TRUE(matrix) << matrix.error().message;
    EXPECT_EQ(matrix->group(), sample.group);
    EXPECT_EQ(matrix->k(), 512);
    EXPECT_EQ(matrix->binary(), sample.type == GgmlType::q1_0);
    EXPECT_EQ(matrix->one_scale(), sample.group == 256);
    const std::vector<int8_t> want = sample_trits(matrix->binary());
    const size_t scales = 256 / static_cast<size_t>(sample.group);
    for (const auto& [n0, n1] : {std::pair{0, 4}, {1, 3}, {3, 4}, {4, 4}}) {
      const auto blocks = static_cast<size_t>(n1 - n0) * 2;
      std::vector<int8_t> trits(blocks * 256 + 1, 99);
      std::vector<uint16_t> halves(blocks * scales + 1, 99);
      ASSERT_TRUE(matrix->decode_rows(n0, n1, trits.data()));
      ASSERT_TRUE(matrix->decode_scales(n0, n1, halves.data()));
      EXPECT_EQ(trits.back(), 99);
      EXPECT_EQ(halves.back(), 99);
      for (size_t i = 0; i < blocks * 256; ++i)
        ASSERT_EQ(trits[i], want[i % 256]) << matrix->name() << " " << i;
      for (size_t i = 0; i < blocks * scales; ++i) {
        const auto nth = static_cast<float>(i % scales);
        EXPECT_EQ(float_from_half(halves[i]),
                  0.125F * (nth + 1) * (i % scales % 2 == 1 ? -1.0F : 1.0F));
      }
    }
  }
}

TEST(TernaryGroups, ScalesMayBeZeroAndNegativeButNotInfinite) {
  for (const Sample& sample : kSamples) {
    Bytes data = repeated(sample_bytes(sample), 8);
    const size_t block = data.size() / 8 / static_cast<size_t>(256 / sample.group);
    const size_t at = sample.group == 256 || sample.type == GgmlType::ptq1_0 ? block - 2 : 0;
    put_half(data, at, 0x0000);
    put_half(data, at + block, 0x8001);
    // Row 2's second block: of another place in every type.
    put_half(data, at + data.size() / 2 + block, 0x7C00);
    const File file = file_of(sample, data);
    const auto matrix = file.matrix();
    ASSERT_TRUE(matrix) << matrix.error().message;
    EXPECT_FALSE(matrix->one_scale());
    std::vector<uint16_t> scales(8 * 4);
    ASSERT_TRUE(matrix->decode_scales(0, 2, scales.data()));
    EXPECT_EQ(scales[0], 0x0000);
    EXPECT_EQ(scales[1], 0x8001);
    const auto bad = matrix->decode_scales(1, 4, scales.data());
    ASSERT_FALSE(bad);
    EXPECT_EQ(
        bad.error().message,
        fmt::format("t.gguf: w.weight: row 2, column {}: found the scale inf, wanted a finite "
                    "number",
                    sample.group));
  }
}

TEST(TernaryGroups, ACodeOf3IsNoTrit) {
  for (const GgmlType type : {GgmlType::q2_0, GgmlType::q2_0_g128, GgmlType::pq2_0}) {
    Bytes data = repeated(sample_bytes(sample_of(type)), 8);
    const size_t block = type == GgmlType::q2_0 ? 18 : 34;
    data[data.size() - block + 2 + 15] |= std::byte{0x30};  // element 62 of the last block
    const File file = file_of(sample_of(type), data);
    const auto matrix = file.matrix();
    ASSERT_TRUE(matrix) << matrix.error().message;
    std::vector<int8_t> trits(4 * 512);
    EXPECT_TRUE(matrix->decode_rows(0, 3, trits.data()));
    const auto bad = matrix->decode_rows(2, 4, trits.data());
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().message,
              fmt::format("t.gguf: w.weight: row 3, column {}: found the code 3, wanted 0 to 2: a "
                          "weight of +2 is not ternary",
                          512 - sample_of(type).group + 62));
  }
}

// ---- One scale a matrix, in a type with a scale a block

TEST(TernaryGroups, ATqMatrixHasOneScaleWhereOnlyZerosDiffer) {
  const Sample& sample = sample_of(GgmlType::tq2_0);
  Bytes zeros(66, std::byte{0x55});  // code 1 everywhere
  put_half(zeros, 64, 0x7E00);       // a NaN, which nothing uses
  Bytes data = zeros;
  for (int i = 0; i < 6; ++i) {
    const Bytes block = sample_bytes(sample);
    data.insert(data.end(), block.begin(), block.end());
  }
  data.insert(data.end(), zeros.begin(), zeros.end());
  const File file = file_of(sample, data);
  const auto matrix = file.matrix();
  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_TRUE(matrix->one_scale());
  EXPECT_EQ(matrix->scale(), 0.125F);
  EXPECT_EQ(matrix->group(), 256);
  std::vector<int8_t> trits(4 * 512);
  EXPECT_TRUE(matrix->decode_rows(0, 4, trits.data()));

  data[3 * 66 + 65] = std::byte{0x31};
  const File other = file_of(sample, data);
  EXPECT_FALSE(other.matrix()->one_scale());
  std::vector<uint16_t> scales(8);
  EXPECT_FALSE(other.matrix()->decode_scales(0, 4, scales.data()));  // now the NaN is a scale
  EXPECT_TRUE(other.matrix()->decode_scales(1, 3, scales.data()));
  EXPECT_EQ(scales[1], 0x3100);
}

TEST(TernaryGroups, TheOneScaleOfATqMatrixMayBeZeroOrNegative) {
  for (const GgmlType type : {GgmlType::tq1_0, GgmlType::tq2_0}) {
    for (const uint16_t half : {uint16_t{0x0000}, uint16_t{0xb800}}) {
      Bytes data = repeated(sample_bytes(sample_of(type)), 8);
      for (size_t end = data.size() / 8; end <= data.size(); end += data.size() / 8)
        put_half(data, end - 2, half);
      const File file = file_of(sample_of(type), data);
      const auto matrix = file.matrix();
      ASSERT_TRUE(matrix) << matrix.error().message;
      EXPECT_TRUE(matrix->one_scale());
      EXPECT_EQ(matrix->scale(), float_from_half(half));
    }
  }
}

TEST(TernaryGroups, AFactorIsForOneScaleOnly) {
  for (const Sample& sample : kSamples) {
    GgufBuilder file;
    add(file, "w.weight", 4, 512, file_id(sample.type), repeated(sample_bytes(sample), 8));
    Bytes half;
    put(half, 0.5F);
    file.tensors.push_back({"w.scale", {1}, 0, half, -1});
    const File read(file);
    const auto matrix = read.matrix();
    if (sample.group == 256) {
      EXPECT_EQ(matrix->scale(), 0.0625F);
      continue;
    }
    ASSERT_FALSE(matrix);
    EXPECT_EQ(matrix.error().message,
              fmt::format("t.gguf: w.scale: found a scale of the matrix beside one for every {} "
                          "weights, wanted one of both",
                          sample.group));
  }
}

// ---- Groups that the scales allow

int64_t constant_group(const std::vector<uint16_t>& scales, uint64_t k, int64_t n0, int64_t n1) {
  Bytes data;
  for (const uint16_t scale : scales) {
    put(data, scale);
    data.resize(data.size() + 16, std::byte{0x55});
  }
  GgufBuilder file;
  add(file, "w.weight", scales.size() * 64 / k, k, 42, data);
  // Decides for 64 weights a scale.
  add(file, "x.weight", 1, 2048, 42, Bytes(2048 / 64 * 18));
  const File read(file);
  EXPECT_TRUE(read.gguf()) << read.error();
  return read.matrix()->constant_group(n0, n1);
}

TEST(TernaryGroups, TheLargestGroupWithinWhichScalesAreConstant) {
  EXPECT_EQ(constant_group({1, 1, 1, 1, 2, 2, 2, 2}, 512, 0, 1), 256);
  EXPECT_EQ(constant_group({1, 1, 1, 1, 2, 2, 3, 3}, 512, 0, 1), 128);
  EXPECT_EQ(constant_group({1, 1, 1, 1, 2, 2, 2, 3}, 512, 0, 1), 64);
  EXPECT_EQ(constant_group({1, 1, 1, 1, 2, 2, 2, 3}, 256, 0, 1), 256);  // of a part of the rows
  EXPECT_EQ(constant_group({1, 1, 1, 1, 2, 2, 2, 3}, 256, 1, 2), 64);
  EXPECT_EQ(constant_group({1, 1, 1, 1, 1, 1}, 384, 0, 1), 128);  // 256 does not divide K
  EXPECT_EQ(constant_group({1, 1, 1}, 192, 0, 1), 64);
  EXPECT_EQ(constant_group({0, 0, 0x8000, 0x8000}, 256, 0, 1), 128);  // -0 is another scale
  const File pq2_0 = file_of(sample_of(GgmlType::pq2_0));
  EXPECT_EQ(pq2_0.matrix()->constant_group(0, 4), 128);
  const File tq2_0 = file_of(sample_of(GgmlType::tq2_0));
  EXPECT_EQ(tq2_0.matrix()->constant_group(0, 4), 256);
}

TEST(TernaryGroups, BlocksMustFillARow) {
  for (const Sample& sample : kSamples) {
    GgufBuilder file;
    add(file, "w.weight", 2, 32 + 512, file_id(sample.type), Bytes(4096));
    EXPECT_EQ(File(file).error(),
              fmt::format("t.gguf: w.weight: K=544 is not a multiple of the block size {} of {}",
                          file_id(sample.type) == 42 ? 64 : sample.group,
                          file_id(sample.type) == 42 ? "Q2_0" : traits(sample.type).name));
  }
}

}  // namespace
}  // namespace bitnet
