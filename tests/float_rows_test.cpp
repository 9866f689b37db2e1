// Rows of an embedding or head in types of blocks: the reference gives what llama.cpp's own Python
// package gives of the same bytes, and every table that this CPU can run equals the reference.
#include <algorithm>
#include <cstring>
#include <memory>

#include "runtime/base/aligned_buffer.h"
#include "runtime/model/float_kernels.h"
#include "tests/float_inputs.h"

namespace bitnet {
namespace {

struct RowType {
  int32_t type;
  int64_t elements, bytes;
  std::vector<int64_t> halves;  // where a block's F16 lie
  // Of digest() over what gguf-py's `quants.dequantize` of llama.cpp v0.5.0 makes of lcg_row(); 0:
  // gguf-py does not know the type.
  uint64_t digest;
  bool head = true;
};
const RowType kRowTypes[] = {
    {BN_Q4_0, 32, 18, {0}, 0x9c199c67dcdfcf25U},
    {BN_Q4_1, 32, 20, {0, 2}, 0xe9d9783ea3f62f25U},
    {BN_Q5_0, 32, 22, {0}, 0xd0d484447cf98d25U},
    {BN_Q8_0, 32, 34, {0}, 0x6b88c2d7c3f64865U},
    {BN_Q4_K, 256, 144, {0, 2}, 0x8c57cca29541abcdU},
    {BN_Q5_K, 256, 176, {0, 2}, 0xe3a971e979a4f231U},
    {BN_Q6_K, 256, 210, {208}, 0x751aa1097475456dU},
    {BN_TQ1_0, 256, 54, {52}, 0x515805f8dd4e5325U, false},
    {BN_TQ2_0, 256, 66, {64}, 0x5ed29c90f5637325U, false},
    {BN_Q1_0, 128, 18, {0}, 0, false},
    {BN_Q2_0, 64, 18, {0}, 0, false},
    {BN_Q2_0_G128, 128, 34, {0}, 0, false},
    {BN_PQ2_0, 128, 34, {0}, 0, false},
    {BN_PTQ1_0, 128, 28, {26}, 0, false},
};

class FloatRows : public ::testing::TestWithParam<const BnFloatKernels*> {
 protected:
  const BnFloatKernels& kernels() { return *GetParam(); }
  const BnFloatKernels& reference_ = reference_float_kernels();
};

std::vector<const BnFloatKernels*> runnable_tables() {
  std::vector<const BnFloatKernels*> tables;
  for (const auto& [level, table] : float_tables())
    if (reported_isa().has(level)) tables.push_back(table);
  return tables;
}
INSTANTIATE_TEST_SUITE_P(Levels, FloatRows, ::testing::ValuesIn(runnable_tables()),
                         [](const auto& info) { return std::string(info.param->name); });

// A copy that ends where an AddressSanitizer build notices reading past it.
std::unique_ptr<uint8_t[]> exact(const std::vector<uint8_t>& x) {
  auto copy = std::make_unique<uint8_t[]>(x.size());
  std::copy(x.begin(), x.end(), copy.get());
  return copy;
}

// ---- What the bytes mean

// 1024 elements; exponents of scales are 10, so that all floats are ordinary.
std::vector<uint8_t> lcg_row(const RowType& t) {
  std::vector<uint8_t> row;
  for (uint32_t x = 1; std::ssize(row) < 1024 / t.elements * t.bytes;) {
    x = x * 1664525U + 1013904223U;
    row.push_back(static_cast<uint8_t>(x >> 24U));
  }
  for (size_t begin = 0; begin < row.size(); begin += static_cast<size_t>(t.bytes))
    for (const int64_t half : t.halves) {
      uint8_t& high = row[begin + static_cast<size_t>(half) + 1];
      high = static_cast<uint8_t>((high & 0x83U) | 0x28U);
    }
  return row;
}

uint64_t digest(const std::vector<float>& x) {  // FNV-1a by words, -0 as +0
  uint64_t digest = 0xcbf29ce484222325U;
  for (const float value : x)
    digest = (digest ^ std::bit_cast<uint32_t>(value + 0.0F)) * 0x100000001b3U;
  return digest;
}

TEST_P(FloatRows, EmbeddingsAreWhatLlamaCppReadsOfTheBytes) {
  for (const RowType& t : kRowTypes) {
    if (t.digest == 0) continue;
    std::vector<float> row(1024);
    kernels().embed(t.type, lcg_row(t).data(), 1024, row.data());
    EXPECT_EQ(digest(row), t.digest) << "type " << t.type;
  }
}

// Types that gguf-py does not know: a block written by hand.
TEST_P(FloatRows, EmbeddingsOfGroupsOfTrits) {
  std::vector<float> row(128);
  const auto embed = [&](int32_t type, std::vector<uint8_t> bytes, int64_t k) {
    kernels().embed(type, bytes.data(), k, row.data());
  };
  // d = -0.5; elements 0, 1, 2, 3 are codes 0, 1, 2, 3 in Q2_0, low bits first.
  std::vector<uint8_t> q2_0(18, 0x55);
  q2_0[0] = 0x00, q2_0[1] = 0xb8, q2_0[2] = 0xe4;
  embed(BN_Q2_0, q2_0, 64);
  EXPECT_EQ((std::vector<float>{row[0], row[1], row[2], row[3], row[4], row[63]}),
            (std::vector<float>{0.5F, 0, -0.5F, -1, 0, 0}));
  for (const int32_t type : {BN_PQ2_0, BN_Q2_0_G128}) {
    std::vector<uint8_t> pq2_0(34, 0x55);
    pq2_0[0] = 0x00, pq2_0[1] = 0x3c, pq2_0[33] = 0x8f;
    embed(type, pq2_0, 128);
    EXPECT_EQ((std::vector<float>{row[0], row[123], row[124], row[125], row[126], row[127]}),
              (std::vector<float>{0, 0, 2, 2, -1, 1}));
  }
  std::vector<uint8_t> q1_0(18, 0x00);
  q1_0[0] = 0x00, q1_0[1] = 0x40, q1_0[2] = 0x05, q1_0[17] = 0x80;
  embed(BN_Q1_0, q1_0, 128);
  EXPECT_EQ((std::vector<float>{row[0], row[1], row[2], row[3], row[126], row[127]}),
            (std::vector<float>{2, -2, 2, -2, -2, 2}));
  // Digits 2, 1, 0, 0, 0 (most significant first) of byte 1, digits 0, 0, 0, 2, 0 of the last.
  std::vector<uint8_t> ptq1_0(28, 0x00);
  ptq1_0[1] = (189 * 256 + 242) / 243, ptq1_0[25] = (6 * 256 + 242) / 243;
  ptq1_0[26] = 0x00, ptq1_0[27] = 0x3c;
  embed(BN_PTQ1_0, ptq1_0, 128);
  EXPECT_EQ((std::vector<float>{row[0], row[1], row[17], row[33], row[121], row[126], row[127]}),
            (std::vector<float>{-1, 1, 0, -1, -1, -1, 1}));
}

// ---- Tables against the reference

std::vector<uint8_t> made_up_rows(const RowType& t, int64_t rows, int64_t k, uint64_t seed,
                                  Flavour flavour) {
  Random random(seed);
  std::vector<uint8_t> bytes(static_cast<size_t>(rows * k / t.elements * t.bytes));
  for (uint8_t& byte : bytes)
    byte = static_cast<uint8_t>(flavour == Flavour::huge ? (random.below(2) ? 0xff : 0)
                                                         : random.bits());
  for (size_t begin = 0; begin < bytes.size(); begin += static_cast<size_t>(t.bytes)) {
    for (const int64_t half : t.halves) {
      auto d = static_cast<uint16_t>((random.bits() & 0x83ffU) | ((random.below(12) + 4) << 10U));
      if (flavour == Flavour::hostile && random.below(20) == 0)
        d = static_cast<uint16_t>(random.bits());
      if (flavour == Flavour::zeros) d &= 0x8000U;
      std::memcpy(bytes.data() + begin + half, &d, 2);
    }
  }
  return bytes;
}

TEST_P(FloatRows, Embedding) {
  for (const RowType& t : kRowTypes) {
    for (const Flavour flavour : kFlavours) {
      const auto row = made_up_rows(t, 1, 1024, 43, flavour);
      std::vector<float> want(1024), got(1024);
      reference_.embed(t.type, row.data(), 1024, want.data());
      kernels().embed(t.type, exact(row).get(), 1024, got.data());
      EXPECT_TRUE(all_same(got, want)) << "type " << t.type;
    }
  }
}

struct HeadShape {
  int64_t rows, k, tokens;
};

std::vector<float> logits(const BnFloatKernels& kernels, int32_t type, const HeadShape& shape,
                          const std::vector<uint8_t>& rows, const std::vector<float>& hidden,
                          int64_t ahead) {
  const int64_t prepared_bytes = kernels.head_prepared_bytes(type, shape.k);
  EXPECT_EQ(prepared_bytes % 64, 0);
  EXPECT_GT(prepared_bytes, 2 * shape.k);
  AlignedBuffer prepared(static_cast<size_t>(prepared_bytes * shape.tokens));
  for (int64_t m = 0; m < shape.tokens; ++m)
    kernels.head_prepare(type, hidden.data() + m * shape.k, shape.k,
                         prepared.as<uint8_t>() + m * prepared_bytes);
  std::vector<float> out(static_cast<size_t>(shape.tokens * (shape.rows + 3)), -77.0F);
  const auto bytes = exact(rows);
  const BnHead head = {.type = type,
                       .rows = bytes.get(),
                       .row_bytes = static_cast<int64_t>(rows.size()) / shape.rows,
                       .k = shape.k,
                       .n0 = 1,
                       .n1 = shape.rows,
                       .tokens = shape.tokens,
                       .hidden = hidden.data(),
                       .ld_hidden = shape.k,
                       .prepared = prepared.as<uint8_t>(),
                       .ld_prepared = prepared_bytes,
                       .logits = out.data(),
                       .ld_logits = shape.rows + 3,
                       .prefetch_bytes = ahead};
  kernels.head(&head);
  for (int64_t m = 0; m < shape.tokens; ++m)
    EXPECT_EQ(out[static_cast<size_t>(m * (shape.rows + 3))], -77.0F);
  return out;
}

TEST_P(FloatRows, Head) {
  for (const RowType& t : kRowTypes) {
    if (!t.head) continue;
    const int64_t step = t.elements;
    for (const HeadShape shape :
         {HeadShape{2, step, 1}, HeadShape{5, 3 * step, 2}, HeadShape{4, 256 + step, 5},
          HeadShape{3, 2560, 4}, HeadShape{18, 768, 1}, HeadShape{19, 1024, 3}}) {
      for (const Flavour flavour : kFlavours) {
        const auto rows = made_up_rows(t, shape.rows, shape.k, 41, flavour);
        const auto hidden = made_up(shape.tokens * shape.k, 42, flavour);
        const auto want = logits(reference_, t.type, shape, rows, hidden, 0);
        for (const int64_t ahead : {0, 4096})
          EXPECT_TRUE(all_same(logits(kernels(), t.type, shape, rows, hidden, ahead), want))
              << "type " << t.type << " k=" << shape.k << " tokens=" << shape.tokens << " flavour "
              << int(flavour);
      }
    }
  }
}

// The largest sums: every code, scale and H at its end, all of one sign. With scales of 1 and lows
// of 0 a wrong sum cannot hide behind another.
TEST_P(FloatRows, HeadSumsAtTheirBounds) {
  for (const RowType& t : kRowTypes) {
    if (!t.head) continue;
    for (const uint8_t byte : {uint8_t{0}, uint8_t{0x7f}, uint8_t{0x80}, uint8_t{0xff}}) {
      for (const uint16_t last_half : {uint16_t{0x0000}, uint16_t{0x3c00}}) {
        for (const float last : {1.0F, -1.0F, 128.0F / 32639, -128.0F / 32639, 32512.0F / 32639}) {
          constexpr HeadShape kShape = {6, 512, 1};
          std::vector<uint8_t> rows(static_cast<size_t>(6 * 512 / t.elements * t.bytes), byte);
          for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(t.bytes)) {
            for (const int64_t half : t.halves) {
              const uint16_t d = half == t.halves.front() ? uint16_t{0x3c00} : last_half;
              std::memcpy(rows.data() + begin + half, &d, 2);
            }
          }
          std::vector<float> hidden(512, last);
          hidden[511] = 1.0F;
          EXPECT_TRUE(all_same(logits(kernels(), t.type, kShape, rows, hidden, 0),
                               logits(reference_, t.type, kShape, rows, hidden, 0)))
              << "type " << t.type;
        }
      }
    }
  }
}

// The definition once more, from the embedding's floats: a logit is their product with the hidden
// state but for the rounding of H (one part in 65278 of the largest) and of floats.
TEST_P(FloatRows, HeadsAreProductsWithTheEmbeddingsRows) {
  for (const RowType& t : kRowTypes) {
    if (!t.head) continue;
    const auto row = lcg_row(t);
    std::vector<uint8_t> rows = row;
    rows.insert(rows.end(), row.begin(), row.end());
    std::vector<float> w(1024);
    kernels().embed(t.type, row.data(), 1024, w.data());
    const auto hidden = made_up(1024, 5);
    double dot = 0, sizes = 0, largest = 0;
    for (size_t i = 0; i < 1024; ++i) {
      dot += double{w[i]} * hidden[i];
      sizes += std::fabs(double{w[i]});
      largest = std::max(largest, std::fabs(double{hidden[i]}));
    }
    const float got = logits(kernels(), t.type, {2, 1024, 1}, rows, hidden, 0)[1];
    EXPECT_NEAR(got, dot, sizes * largest / 65278 * 1.01) << "type " << t.type;
    EXPECT_GT(std::fabs(dot), sizes * largest / 65278 * 10) << "type " << t.type;
  }
}

}  // namespace
}  // namespace bitnet
