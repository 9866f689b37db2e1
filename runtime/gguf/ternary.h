// A ternary or binary matrix in a model file, whatever type stores it: trits, and one weight scale
// for the matrix or one for each group of 64, 128 or 256 weights of a row.
//
//   type                 weights a scale   weights    scale
//   I2_S                 the matrix        -1, 0, +1  F32, positive
//   TQ1_0, TQ2_0         256               -1, 0, +1  F16
//   Q1_0                 128               -1, +1     F16
//   Q2_0                 64; older: 128    -1, 0, +1  F16
//   PQ2_0, PTQ1_0        128               -1, 0, +1  F16
//
// A scale in F16 may be zero or negative, not NaN or infinite. Opening finds the one scale of a TQ
// matrix whose blocks have the same; loading checks every byte once: a code 3, which is +2 in Q2_0,
// is no trit, so the matrix is refused.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"
#include "runtime/gguf/ternary_decode.h"

namespace bitnet {

class TernaryMatrix {
 public:
  // Above, a dot product with int8 activations is not exact as a float.
  static constexpr uint32_t kMaxK = 131072;

  // Checks type, dimensions (K <= kMaxK) and the one scale; not yet every code and scale:
  // decode_rows and decode_scales do that as they go. Where a scalar tensor "<stem>.scale" exists
  // in the file (old arch `bitnet`), it multiplies the one scale.
  static Result<TernaryMatrix> open(const Gguf& file, const TensorInfo& tensor,
                                    I2sLayout i2s_layout = I2sLayout::blocks_of_128);
  // "blk.0.attn_q.weight" -> "blk.0.attn_q.scale".
  static std::string scale_name(std::string_view tensor_name);

  const std::string& name() const { return name_; }
  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  bool binary() const { return type_ == GgmlType::q1_0; }  // no weight is 0
  // Weights a scale of the file: 64, 128 or 256, which divides K; 0: one scale a matrix, as I2_S.
  int64_t group() const { return blocks_ == nullptr ? 0 : blocks_->elements; }
  // I2_S, or TQ with the same scale in every block that holds a weight other than 0.
  bool one_scale() const { return one_scale_; }
  bool has_factor() const { return has_factor_; }  // "<stem>.scale" is part of scale()
  float scale() const { return scale_; }  // weight = scale * trit, where there is one scale
  std::span<const std::byte> data() const { return data_; }  // as the file stores it

  // Rows n0..n1 as trits -1, 0, +1: out[n1-n0][k]. Thread-safe. Errors name tensor, row and code.
  Result<void> decode_rows(int64_t n0, int64_t n1, int8_t* out) const;

  // Where group() > 0, all thread-safe, too.
  // The scales of rows n0..n1 as the file has them, those of blocks of zeros included: F16 bits,
  // out[n1-n0][k/group()].
  Result<void> decode_scales(int64_t n0, int64_t n1, uint16_t* out) const;
  // The largest of 256, 128 and 64 that divides K and within which all scales of rows n0..n1 have
  // the same bits. Not below group(). For all rows: the least of all parts.
  int64_t constant_group(int64_t n0, int64_t n1) const;

 private:
  Result<void> find_scale();
  Result<void> find_i2s_scale();
  Result<void> find_block_scale();
  Result<void> apply_factor(const Gguf& file, std::string_view tensor_name);
  Result<void> decode_i2s_rows(int64_t n0, int64_t n1, int8_t* out) const;
  std::unexpected<Error> bad_code(int64_t n0, std::span<const int8_t> decoded) const;
  int64_t row_scales() const { return k_ / blocks_->elements; }
  const uint8_t* row(int64_t n) const;  // where group() > 0

  std::string name_;
  std::string where_;  // "<file>: <tensor>", for messages
  GgmlType type_ = GgmlType::i2_s;
  I2sLayout i2s_layout_ = I2sLayout::blocks_of_128;
  const BlockLayout* blocks_ = nullptr;  // null: I2_S
  std::span<const std::byte> data_;
  int64_t n_ = 0, k_ = 0;
  bool one_scale_ = false, has_factor_ = false;
  float scale_ = 1;
};

}  // namespace bitnet
