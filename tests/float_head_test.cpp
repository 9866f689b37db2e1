// Head and embedding of every table of float kernels that this CPU can run equal the reference's,
// bit for bit.
#include "runtime/base/aligned_buffer.h"
#include "runtime/gguf/types.h"
#include "tests/float_tables.h"

namespace bitnet {
namespace {

INSTANTIATE_TEST_SUITE_P(Levels, FloatKernels, ::testing::ValuesIn(runnable_tables()),
                         name_of_table);

std::vector<uint8_t> made_up_rows(int32_t type, int64_t rows, int64_t k, uint64_t seed,
                                  Flavour flavour) {
  Random random(seed);
  std::vector<uint8_t> bytes;
  const auto append = [&](uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  const auto half = [&]() -> uint16_t {  // of any class, mostly small
    if (flavour == Flavour::hostile && random.below(20) == 0)
      return static_cast<uint16_t>(random.bits());
    return static_cast<uint16_t>((random.bits() & 0x83ffU) | ((random.below(12) + 4) << 10U));
  };
  const auto byte = [&]() -> uint8_t {  // extremes often
    if (flavour == Flavour::huge) return random.below(2) ? 0x80 : 0x7f;
    return static_cast<uint8_t>(random.bits());
  };
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t i = 0; i < k;) {
      if (type == BN_F32) {
        append(std::bit_cast<uint32_t>(made_up(random, flavour)), 4), i += 1;
      } else if (type == BN_F16) {
        append(half(), 2), i += 1;
      } else if (type == BN_BF16) {
        append(std::bit_cast<uint32_t>(made_up(random, flavour)) >> 16U, 2), i += 1;
      } else if (type == BN_Q8_0) {
        append(half(), 2), i += 32;
        for (int j = 0; j < 32; ++j) append(byte(), 1);
      } else {
        for (int j = 0; j < 192; ++j)
          append(flavour == Flavour::huge ? (random.below(2) ? 0xff : 0) : byte(), 1);
        for (int j = 0; j < 16; ++j) append(byte(), 1);
        append(half(), 2), i += 256;
      }
    }
  }
  return bytes;
}

struct HeadShape {
  int64_t rows, k, tokens;
};

std::vector<float> logits(const BnFloatKernels& kernels, int32_t type, const HeadShape& shape,
                          const std::vector<uint8_t>& rows, const std::vector<float>& hidden) {
  const int64_t prepared_bytes = kernels.head_prepared_bytes(type, shape.k);
  EXPECT_EQ(prepared_bytes % 64, 0);
  AlignedBuffer prepared(static_cast<size_t>(prepared_bytes * shape.tokens) + 1);
  for (int64_t m = 0; m < shape.tokens; ++m) {
    kernels.head_prepare(type, hidden.data() + m * shape.k, shape.k,
                         prepared.as<uint8_t>() + m * prepared_bytes);
  }
  std::vector<float> out(static_cast<size_t>(shape.tokens * (shape.rows + 3)), -77.0F);
  const auto bytes = exact(rows);
  const auto x = exact(hidden);
  BnHead head = {.type = type,
                 .rows = bytes.get(),
                 .row_bytes = static_cast<int64_t>(rows.size()) / shape.rows,
                 .k = shape.k,
                 .n0 = 1,
                 .n1 = shape.rows,
                 .tokens = shape.tokens,
                 .hidden = x.get(),
                 .ld_hidden = shape.k,
                 .prepared = prepared.as<uint8_t>(),
                 .ld_prepared = prepared_bytes,
                 .logits = out.data(),
                 .ld_logits = shape.rows + 3,
                 .prefetch_bytes = 0};
  kernels.head(&head);
  const auto plain = out;
  std::fill(out.begin(), out.end(), -77.0F);
  head.prefetch_bytes = 4096;  // another path, the same bits
  kernels.head(&head);
  EXPECT_TRUE(all_same(out, plain));
  for (int64_t m = 0; m < shape.tokens; ++m)
    EXPECT_EQ(out[static_cast<size_t>(m * (shape.rows + 3))], -77.0F);
  return out;
}

TEST_P(FloatKernels, Head) {
  for (const int32_t type : {BN_F32, BN_F16, BN_BF16, BN_Q8_0, BN_Q6_K}) {
    const int64_t step = type == BN_Q8_0 ? kQ8Elements : type == BN_Q6_K ? kQ6Elements : 1;
    for (const HeadShape shape :
         {HeadShape{2, step, 1}, HeadShape{5, 3 * step, 2}, HeadShape{4, 256, 1},
          HeadShape{4, 256 + step, 5}, HeadShape{4, 512 + 3 * step, 9}, HeadShape{3, 2560, 4},
          HeadShape{18, 768, 1}, HeadShape{19, 1024, 3}}) {
      for (const Flavour flavour : kFlavours) {
        const auto rows = made_up_rows(type, shape.rows, shape.k, 41, flavour);
        const auto hidden = made_up(shape.tokens * shape.k, 42, flavour);
        EXPECT_TRUE(all_same(logits(kernels(), type, shape, rows, hidden),
                             logits(reference_, type, shape, rows, hidden)))
            << "type " << type << " k=" << shape.k << " tokens=" << shape.tokens << " flavour "
            << int(flavour);
      }
    }
  }
}

// The largest sums: every code, scale and H at its end, all of one sign.
TEST_P(FloatKernels, HeadSumsAtTheirBounds) {
  for (const int32_t type : {BN_Q8_0, BN_Q6_K}) {
    for (const uint8_t code : {uint8_t{0}, uint8_t{0x7f}, uint8_t{0x80}, uint8_t{0xff}}) {
      for (const uint8_t scale : {uint8_t{0x7f}, uint8_t{0x80}}) {
        for (const float last : {1.0F, -1.0F, 128.0F / 32639, -128.0F / 32639, 32512.0F / 32639}) {
          constexpr HeadShape kShape = {2, 512, 1};
          std::vector<uint8_t> rows = made_up_rows(type, 2, 512, 1, Flavour::plain);
          const size_t block = type == BN_Q8_0 ? kQ8Bytes : kQ6Bytes;
          for (size_t i = 0; i < rows.size(); ++i) {
            const size_t at = i % block;
            if (type == BN_Q8_0 ? at >= 2 : at < 192) rows[i] = code;
            if (type == BN_Q6_K && at >= 192 && at < 208) rows[i] = scale;
          }
          std::vector<float> hidden(512, last);
          hidden[511] = 1.0F;
          EXPECT_TRUE(all_same(logits(kernels(), type, kShape, rows, hidden),
                               logits(reference_, type, kShape, rows, hidden)));
        }
      }
    }
  }
}

TEST_P(FloatKernels, Embedding) {
  for (const int32_t type : {BN_F32, BN_F16, BN_BF16, BN_Q8_0, BN_Q6_K}) {
    for (const Flavour flavour : kFlavours) {
      const auto row = made_up_rows(type, 1, 512, 43, flavour);
      std::vector<float> want(512), got(512);
      reference_.embed(type, row.data(), 512, want.data());
      kernels().embed(type, exact(row).get(), 512, got.data());
      EXPECT_TRUE(all_same(got, want)) << "type " << type;
    }
  }
}

}  // namespace
}  // namespace bitnet
