// A ternary matrix in a model file: one weight scale and trits, whatever type stores them (I2_S,
// TQ1_0, TQ2_0). Loading checks every byte once: I2_S code 3 and TQ1_0/TQ2_0 values outside -1..1
// are rejected, and all non-zero blocks of a TQ matrix must carry the same scale, else the matrix
// is refused as not ternary-per-tensor.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"

namespace bitnet {

class TernaryMatrix {
 public:
  // Above, a dot product with int8 activations is not exact as a float.
  static constexpr uint32_t kMaxK = 131072;

  // Checks type, dimensions (K <= kMaxK) and the scale; not yet every code: decode_rows does that
  // as it goes. Where a scalar tensor "<stem>.scale" exists in the file (old arch `bitnet`), it
  // multiplies the scale.
  static Result<TernaryMatrix> open(const Gguf& file, const TensorInfo& tensor,
                                    I2sLayout i2s_layout = I2sLayout::blocks_of_128);
  // "blk.0.attn_q.weight" -> "blk.0.attn_q.scale".
  static std::string scale_name(std::string_view tensor_name);

  const std::string& name() const { return name_; }
  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  float scale() const { return scale_; }                     // weight = scale * trit
  std::span<const std::byte> data() const { return data_; }  // as the file stores it

  // Rows n0..n1 as trits -1, 0, +1: out[n1-n0][k]. Thread-safe. Errors name tensor, row and code.
  Result<void> decode_rows(int64_t n0, int64_t n1, int8_t* out) const;

 private:
  Result<void> find_i2s_scale();
  Result<void> find_block_scale();
  Result<void> check_scale(float scale) const;
  Result<void> decode_i2s_rows(int64_t n0, int64_t n1, int8_t* out) const;
  Result<void> decode_tq_rows(int64_t n0, int64_t n1, int8_t* out) const;
  std::unexpected<Error> bad_code(int64_t n0, std::span<const int8_t> decoded) const;

  std::string name_;
  std::string where_;  // "<file>: <tensor>", for messages
  GgmlType type_ = GgmlType::i2_s;
  I2sLayout i2s_layout_ = I2sLayout::blocks_of_128;
  std::span<const std::byte> data_;
  int64_t n_ = 0, k_ = 0;
  float scale_ = 1;
  uint16_t block_scale_ = 0;  // TQ: the bits that every non-zero block must carry
};

}  // namespace bitnet
