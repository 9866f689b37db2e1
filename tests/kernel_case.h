// One random matrix product for kernel tests: made from a seed, answered by the reference, run by a
// kernel in memory that ends where the calling convention says that reading ends.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "runtime/base/round_up.h"
#include "runtime/kernel/product.h"
#include "runtime/kernel/reference.h"

namespace bitnet {

// A block whose end, plus what may be read past it, is the end of readable memory; reads one byte
// further fault.
class GuardedBuffer {
 public:
  GuardedBuffer(size_t bytes, size_t readable_past_end) {
    constexpr size_t kPage = 4096;
    // 64-byte alignment of the block leaves at most 63 bytes more than asked for.
    const size_t used = (bytes + 63) / 64 * 64 + readable_past_end;
    mapped_ = (used + kPage - 1) / kPage * kPage + kPage;
    base_ = static_cast<uint8_t*>(
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + mapped_ - kPage, kPage, PROT_NONE);
    data_ = base_ + (mapped_ - kPage - used) / 64 * 64;
    std::memset(base_, 0xA5, mapped_ - kPage);
  }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer() { munmap(base_, mapped_); }
  uint8_t* data() { return data_; }

 private:
  uint8_t* base_ = nullptr;
  uint8_t* data_ = nullptr;
  size_t mapped_ = 0;
};

struct Shape {
  int64_t m, n, k;
  int64_t group = 0;
};

enum class Fill {
  random,
  plus_plus,
  plus_minus,
  minus_plus
};  // signs of x and w at their extremes

class KernelCase {
 public:
  KernelCase(Shape shape, uint32_t seed, Fill fill = Fill::random) : s_(shape) {
    std::mt19937 random(seed);
    x_.resize(static_cast<size_t>(s_.m * s_.k));
    w_.resize(static_cast<size_t>(s_.n * s_.k));
    for (int8_t& x : x_)
      x = fill == Fill::random ? static_cast<int8_t>(static_cast<int>(random() % 255) - 127)
                               : static_cast<int8_t>(fill == Fill::minus_plus ? -127 : 127);
    for (int8_t& w : w_)
      w = fill == Fill::random ? static_cast<int8_t>(static_cast<int>(random() % 3) - 1)
                               : static_cast<int8_t>(fill == Fill::plus_minus ? -1 : 1);
    const int64_t groups = s_.group ? s_.k / s_.group : 1;
    for (int64_t i = 0; i < s_.m * groups; ++i)
      token_scale_.push_back(0.5F + static_cast<float>(random() % 1000));
    // Any finite F16, of either sign, subnormals and zeros too.
    for (int64_t i = 0; s_.group && i < s_.n * groups; ++i)
      weight_scale_.push_back(static_cast<uint16_t>(random() % 0x7C00 | (random() % 2) << 15));
    // Three segments as q, k, v have, or gate and up alternating.
    const auto n = static_cast<int32_t>(s_.n);
    stacked_ = {{0, n / 2, 1, 0.03F}, {n / 2, n / 2 + n / 3, 1, 1.7F}, {n / 2 + n / 3, n, 1, 0.4F}};
    alternating_ = {{0, n, 2, 0.013F}, {1, n, 2, 0.7F}};
  }

  const Shape& shape() const { return s_; }

  // Y as bits, [m][n] or [m][n/2] for gates; parts of `tokens` x `rows` in units of the kernel's
  // steps, 0: all at once.
  std::vector<uint32_t> run(const KernelFunctions& f, BnEpilogue epilogue, int64_t token_parts = 0,
                            int64_t row_parts = 0) const {
    const Problem problem{.n = s_.n, .k = s_.k, .group = s_.group, .epilogue = epilogue};
    ProductKernel kernel{.functions = f};
    f.sizes(s_.n, s_.k, s_.group, &kernel.sizes);
    constexpr size_t kPast = 255;
    GuardedBuffer packed(static_cast<size_t>(kernel.sizes.packed_bytes), kPast);
    kernel.packed = packed.data();
    const Product product(problem, is_gate_up(epilogue) ? alternating_ : stacked_, {kernel});
    GuardedBuffer form(static_cast<size_t>(product.form_bytes(s_.m)), kPast);
    GuardedBuffer scratch(static_cast<size_t>(product.scratch_bytes()), kPast);
    GuardedBuffer x(x_.size(), 0), w(w_.size(), 0);
    std::memcpy(x.data(), x_.data(), x_.size());
    const ProductInput in{.tokens = s_.m,
                          .x = reinterpret_cast<int8_t*>(x.data()),
                          .ldx = s_.k,
                          .scales = token_scale_.data(),
                          .form = form.data()};

    const std::vector<Range> rows = cut(s_.n, row_parts * kernel.sizes.row_step);
    for (const Range& part : rows) {
      std::memcpy(w.data(), w_.data() + part.begin * s_.k, static_cast<size_t>(part.size() * s_.k));
      pack_rows(problem, f.pack, part, reinterpret_cast<int8_t*>(w.data()),
                s_.group ? weight_scale_.data() + part.begin * (s_.k / s_.group) : nullptr,
                packed.data());
    }
    const int64_t token_unit = token_parts * kernel.sizes.token_step;
    for (const Range& part : cut(s_.m, round_up(token_unit, kernel.sizes.form_group_tokens)))
      product.prepare(part, in);
    // Three columns must stay as they are.
    const int64_t ldy = (is_gate_up(epilogue) ? s_.n / 2 : s_.n) + 3;
    std::vector<uint32_t> y(static_cast<size_t>(s_.m * ldy), kUntouched);
    for (const Range& tokens : cut(s_.m, token_unit))
      for (const Range& part : rows)
        product.run({tokens, part}, in, scratch.data(), {y.data(), ldy, kResidualScale});
    return y;
  }

  std::vector<uint32_t> want(BnEpilogue epilogue) const {
    return run(reference_functions(), epilogue);
  }

 private:
  // 0..total in pieces of `unit`; 0: in one.
  static std::vector<Range> cut(int64_t total, int64_t unit) {
    std::vector<Range> pieces;
    if (unit == 0) unit = total;
    for (int64_t begin = 0; begin < total; begin += unit)
      pieces.push_back({begin, std::min(begin + unit, total)});
    return pieces;
  }

  // Not 1, so that a kernel that leaves it out is seen, and no power of two, so that an order of
  // multiplications is.
  static constexpr float kResidualScale = 0.2475F;
  static constexpr uint32_t kUntouched = 0x3F800000;  // 1.0F: what BN_SCALED_ADD adds to

  Shape s_;
  std::vector<int8_t> x_, w_;
  std::vector<float> token_scale_;      // [m] or [m][groups]
  std::vector<uint16_t> weight_scale_;  // [n][groups]
  std::vector<BnSegment> stacked_, alternating_;
};

}  // namespace bitnet
