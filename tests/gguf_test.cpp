// Reading right files: header, metadata, types, ternary decoding. Wrong files:
// gguf_hostile_test.cpp, model_hostile_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "runtime/base/half.h"
#include "runtime/base/printable.h"
#include "runtime/gguf/reader.h"
#include "runtime/gguf/ternary.h"
#include "runtime/model/model_file.h"
#include "tests/gguf_builder.h"

namespace bitnet {
namespace {

using testing::Bytes;
using testing::GgufBuilder;
using testing::put;

TEST(Gguf, ReadsTheDemoModel) {
  const auto model = ModelFile::open(BITNET_SOURCE_DIR "/models/test.gguf");
  ASSERT_TRUE(model) << model.error().message;
  const Hparams& h = model->hparams;
  EXPECT_EQ(h.architecture, "bitnet");
  EXPECT_EQ(h.gate, GateActivation::silu);
  EXPECT_EQ(h.graph->rope, RopeKind::neox);
  EXPECT_FALSE(model->layers[0].attn_sub_norm.empty());
  EXPECT_EQ(h.hidden, 256);
  EXPECT_EQ(h.feed_forward, 768);
  EXPECT_EQ(h.layers, 4);
  EXPECT_EQ(h.heads, 4);
  EXPECT_EQ(h.head_size, 64);
  EXPECT_EQ(h.vocabulary, 2048);
  EXPECT_EQ(h.context, 1024);
  EXPECT_EQ(model->head.rows, model->embedding.rows);  // tied
  for (const LayerTensors& layer : model->layers) {
    for (const TernaryMatrix* matrix :
         {&layer.q, &layer.k, &layer.v, &layer.output, &layer.gate, &layer.up, &layer.down}) {
      std::vector<int8_t> trits(static_cast<size_t>(matrix->n() * matrix->k()));
      ASSERT_TRUE(matrix->decode_rows(0, matrix->n(), trits.data()));
      const auto zeros = static_cast<double>(std::count(trits.begin(), trits.end(), 0)) /
                         static_cast<double>(trits.size());
      EXPECT_GT(zeros, 0.15) << matrix->name();  // about a third of trained ternary weights is zero
      EXPECT_LT(zeros, 0.6) << matrix->name();
      EXPECT_GT(matrix->scale(), 0);
    }
  }
}

TEST(Gguf, ReadsEveryKindOfValue) {
  GgufBuilder file;
  file.version = 2;
  file.number("u8", GgufValueType::u8, uint8_t{200});
  file.number("i8", GgufValueType::i8, int8_t{-3});
  file.number("u16", GgufValueType::u16, uint16_t{60000});
  file.number("i16", GgufValueType::i16, int16_t{7});
  file.u32("u32", 4000000000U);
  file.number("i32", GgufValueType::i32, int32_t{5});
  file.number("u64", GgufValueType::u64, uint64_t{1} << 40);
  file.number("i64", GgufValueType::i64, int64_t{-1});
  file.f32("f32", 0.5F);
  file.number("f64", GgufValueType::f64, 0.1);
  file.number("yes", GgufValueType::boolean, uint8_t{1});
  file.text("text", "Ünïcode");
  file.texts("texts", {"a", "", "ccc"});
  file.array<float>("floats", GgufValueType::f32, {1.5F, -2});
  file.array<int32_t>("ints", GgufValueType::i32, {1, -2, 3});
  const Bytes bytes = file.build();
  const auto gguf = Gguf::parse(bytes, "values.gguf");
  ASSERT_TRUE(gguf) << gguf.error().message;
  EXPECT_EQ(gguf->unsigned_value("u8").value(), 200);
  EXPECT_EQ(gguf->unsigned_value("u16").value(), 60000);
  EXPECT_EQ(gguf->unsigned_value("i16").value(), 7);
  EXPECT_EQ(gguf->unsigned_value("u32").value(), 4000000000U);
  EXPECT_EQ(gguf->unsigned_value("u64").value(), uint64_t{1} << 40);
  EXPECT_EQ(gguf->unsigned_or("absent", 9).value(), 9);
  EXPECT_EQ(gguf->float_value("f32").value(), 0.5);
  EXPECT_EQ(gguf->float_value("f64").value(), 0.1);
  EXPECT_TRUE(gguf->bool_or("yes", false).value());
  EXPECT_EQ(gguf->string_value("text").value(), "Ünïcode");
  EXPECT_EQ(gguf->string_or_none("absent").value(), std::nullopt);
  EXPECT_EQ(gguf->strings("texts").value(), (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ(gguf->floats("floats").value(), (std::vector<float>{1.5F, -2}));
  EXPECT_EQ(gguf->ints("ints").value(), (std::vector<int32_t>{1, -2, 3}));

  EXPECT_EQ(gguf->unsigned_value("i8").error().message,
            "values.gguf: key i8: found the integer -3, wanted an integer of 0 or more");
  EXPECT_EQ(gguf->unsigned_or("text", 1).error().message,
            "values.gguf: key text: found the string \"Ünïcode\", wanted an integer of 0 or more");
  EXPECT_EQ(gguf->strings("ints").error().message,
            "values.gguf: key ints: found an array of 3 integers, wanted an array of strings");
  EXPECT_EQ(gguf->float_value("absent").error().message, "values.gguf: there is no key absent");
}

TEST(Printable, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("Grüße 木 🙂"), "Grüße 木 🙂");
  EXPECT_EQ(printable("a\nb\x1b[0m\x7f"), "a\\x0ab\\x1b[0m\\x7f");
  EXPECT_EQ(printable("\xff\xc0\xaf\xed\xa0\x80\xe2\x82"),
            "\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82");
  EXPECT_EQ(printable("\xc2\x85"), "\\xc2\\x85");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("ab\u00e9\u00e9", 3), "ab\u00e9...");
  EXPECT_EQ(printable(std::string(1000, 'n')).size(), 96 + 3U);
}

// Marks that turn what follows round, break the line, or hide.
TEST(Printable, EscapesWhatCannotBeSeen) {
  EXPECT_EQ(printable("a\u202egnp.exe"), "a\\xe2\\x80\\xaegnp.exe");
  for (const char* mark : {"\u061c", "\u200b", "\u200f", "\u2028", "\u2029", "\u202a", "\u2066",
                           "\u2069", "\ufeff", "\u00ad", "\U000e0041"})
    EXPECT_TRUE(printable(mark).starts_with("\\x")) << printable(mark);
  for (const char* text : {"\u00a0", "\u2027", "\u202f", "\u0627\u0644", "\u05d0", "\uff01"})
    EXPECT_EQ(printable(text), text);
}

TEST(Half, AllValuesSurviveTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = float_from_half(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(float_from_half(half_from_float(value))));
    } else {
      ASSERT_EQ(half_from_float(value), half);
    }
    if (const float wide = float_from_bfloat(half); !std::isnan(wide)) {
      ASSERT_EQ(bfloat_from_float(wide), half);
    }
  }
  EXPECT_EQ(float_from_half(0x3555), 0x1.554p-2F);
  EXPECT_EQ(float_from_half(0x0001), 0x1p-24F);
  EXPECT_EQ(float_from_half(0x7BFF), 65504.0F);
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(half_from_float(1 + 0x1p-11F), half_from_float(1.0F));  // a tie, to even
  EXPECT_EQ(half_from_float(1 + 0x1.8p-10F),
            half_from_float(1 + 0x1p-9F));  // a tie, to even upwards
  EXPECT_EQ(half_from_float(65519.0F), 0x7BFF);
  EXPECT_EQ(half_from_float(65520.0F), 0x7C00);
  EXPECT_EQ(half_from_float(0x1p-25F), 0);
  EXPECT_EQ(half_from_float(0x1.8p-25F), 1);
  EXPECT_EQ(half_from_float(-0x1.ffcp-15F), 0x8400);
  EXPECT_EQ(bfloat_from_float(1 + 0x1p-8F), 0x3F80);
  EXPECT_EQ(bfloat_from_float(1 + 0x1.8p-7F), 0x3F82);
}

TEST(Types, TensorBytes) {
  EXPECT_EQ(tensor_bytes(GgmlType::i2_s, 2560, 6912).value(), 2560U * 6912 / 4 + 32);
  EXPECT_EQ(tensor_bytes(GgmlType::i2_s, 1, 8640).value(), 68U * 32 + 32);
  EXPECT_EQ(tensor_bytes(GgmlType::tq2_0, 3, 512).value(), 3U * 2 * 66);
  EXPECT_EQ(tensor_bytes(GgmlType::tq1_0, 3, 512).value(), 3U * 2 * 54);
  EXPECT_EQ(tensor_bytes(GgmlType::q6_k, 2, 256).value(), 420U);
  EXPECT_EQ(tensor_bytes(GgmlType::q8_0, 2, 64).value(), 136U);
  EXPECT_EQ(tensor_bytes(GgmlType::tq2_0, 1, 384).error().message,
            "K=384 is not a multiple of the block size 256 of TQ2_0");
  EXPECT_FALSE(tensor_bytes(GgmlType::f32, uint64_t{1} << 40, uint64_t{1} << 40));
  EXPECT_FALSE(tensor_bytes(GgmlType::i2_s, std::numeric_limits<uint64_t>::max(), 2));
}

// Codes are written here as facts about the formats say, one element at a time, apart from the
// reader's own loops.
struct Packed {
  std::vector<int8_t> trits;  // [n][k]
  Bytes i2_s, i2_s_64, tq2_0, tq1_0;
};

void or_into(std::byte& place, int value) { place |= static_cast<std::byte>(value); }

Packed random_matrix(uint64_t n, uint64_t k, float scale, unsigned seed) {
  Packed out;
  std::mt19937 random(seed);
  out.trits.resize(n * k);
  for (int8_t& trit : out.trits) trit = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);

  out.i2_s.resize((n * k + 127) / 128 * 32 + 32);
  out.i2_s_64.resize(out.i2_s.size());
  for (size_t e = 0; e < n * k; ++e) {
    const size_t block = e / 128, within = e % 128;
    or_into(out.i2_s[block * 32 + within % 32], (out.trits[e] + 1) << (6 - 2 * (within / 32)));
    or_into(out.i2_s_64[e / 64 * 16 + e % 16], (out.trits[e] + 1) << (6 - 2 * (e % 64 / 16)));
  }
  std::memcpy(out.i2_s.data() + out.i2_s.size() - 32, &scale, 4);
  std::memcpy(out.i2_s_64.data() + (n * k + 63) / 64 * 16, &scale, 4);
  if (k % 256 != 0) return out;

  const uint16_t half = half_from_float(scale);
  out.tq2_0.resize(n * k / 256 * 66);
  out.tq1_0.resize(n * k / 256 * 54);
  for (size_t block = 0; block < n * k / 256; ++block) {
    const int8_t* trits = out.trits.data() + block * 256;
    std::byte* tq2 = out.tq2_0.data() + block * 66;
    for (size_t e = 0; e < 256; ++e)
      or_into(tq2[e / 128 * 32 + e % 32], (trits[e] + 1) << 2 * (e % 128 / 32));
    std::byte* tq1 = out.tq1_0.data() + block * 54;
    const auto five = [&](std::byte* place, size_t first, size_t step, int count) {
      int q = 0;
      for (int i = 0; i < 5; ++i)
        q = q * 3 + (i < count ? trits[first + static_cast<size_t>(i) * step] + 1 : 0);
      *place = static_cast<std::byte>((q * 256 + 242) / 243);
    };
    for (size_t m = 0; m < 32; ++m) five(tq1 + m, m, 32, 5);
    for (size_t m = 0; m < 16; ++m) five(tq1 + 32 + m, 160 + m, 16, 5);
    for (size_t m = 0; m < 4; ++m) five(tq1 + 48 + m, 240 + m, 4, 4);
    std::memcpy(tq2 + 64, &half, 2);
    std::memcpy(tq1 + 52, &half, 2);
  }
  return out;
}

void expect_decodes(GgmlType type, const Bytes& data, uint64_t n, uint64_t k,
                    const std::vector<int8_t>& want, I2sLayout layout = I2sLayout::blocks_of_128) {
  GgufBuilder file;
  file.tensors.push_back({"w.weight", {k, n}, static_cast<uint32_t>(type), data, -1});
  const Bytes bytes = file.build();
  const auto gguf = Gguf::parse(bytes, "t.gguf");
  ASSERT_TRUE(gguf) << gguf.error().message;
  const auto matrix = TernaryMatrix::open(*gguf, **gguf->tensor("w.weight"), layout);
  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_EQ(matrix->scale(), 0.125F);
  const auto rows = static_cast<int64_t>(n), columns = static_cast<int64_t>(k);
  for (const auto& [n0, n1] :
       {std::pair{int64_t{0}, rows}, {rows / 3, rows / 2 + 1}, {rows - 1, rows}, {rows, rows}}) {
    std::vector<int8_t> got(static_cast<size_t>((n1 - n0) * columns) + 1, 99);
    ASSERT_TRUE(matrix->decode_rows(n0, n1, got.data()));
    EXPECT_EQ(got.back(), 99);  // nothing written past the end
    got.pop_back();
    EXPECT_EQ(got, std::vector<int8_t>(want.begin() + n0 * columns, want.begin() + n1 * columns))
        << n0 << ".." << n1;
  }
}

TEST(Ternary, DecodesI2s) {
  for (const auto& [n, k] : {std::pair{3UL, 128UL},
                             {7UL, 64UL},
                             {5UL, 8640UL},
                             {9UL, 100UL},
                             {3UL, 1UL},
                             {4UL, 2560UL}}) {
    const Packed packed = random_matrix(n, k, 0.125F, 1);
    expect_decodes(GgmlType::i2_s, packed.i2_s, n, k, packed.trits);
    expect_decodes(GgmlType::i2_s, packed.i2_s_64, n, k, packed.trits, I2sLayout::blocks_of_64);
  }
}

TEST(Ternary, DecodesTq) {
  for (const auto& [n, k] : {std::pair{1UL, 256UL}, {5UL, 768UL}, {3UL, 2560UL}}) {
    const Packed packed = random_matrix(n, k, 0.125F, 2);
    expect_decodes(GgmlType::tq2_0, packed.tq2_0, n, k, packed.trits);
    expect_decodes(GgmlType::tq1_0, packed.tq1_0, n, k, packed.trits);
  }
}

}  // namespace
}  // namespace bitnet
