#include "runtime/gguf/ternary.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "runtime/base/printable.h"
#include "runtime/base/half.h"
#include "runtime/gguf/ternary_decode.h"

namespace bitnet {
namespace {

const uint8_t* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

int64_t block_bytes(GgmlType type) { return type == GgmlType::tq1_0 ? kTq1Bytes : kTq2Bytes; }

// False where a code is 3.
bool decode_tq_block(GgmlType type, const uint8_t* in, int8_t* out) {
  if (type == GgmlType::tq2_0) return decode_tq2_block(in, out);
  decode_tq1_block(in, out);
  return true;
}

bool all_zero(const int8_t* trits, int64_t count) {
  return std::all_of(trits, trits + count, [](int8_t trit) { return trit == 0; });
}

Result<float> read_scalar(const std::string& where, const TensorInfo& tensor) {
  if (tensor.type != GgmlType::f32 || tensor.n() != 1 || tensor.k() != 1) {
    return fail(Error::Kind::unsupported, "{}: found {} {}x{}, wanted one F32", where,
                traits(tensor.type).name, tensor.n(), tensor.k());
  }
  float value;
  std::memcpy(&value, tensor.data.data(), sizeof value);
  return value;
}

}  // namespace

Result<TernaryMatrix> TernaryMatrix::open(const Gguf& file, const TensorInfo& tensor,
                                          I2sLayout i2s_layout) {
  TernaryMatrix matrix;
  matrix.name_ = printable(tensor.name);
  matrix.where_ = file.where(tensor);
  const std::string& where = matrix.where_;
  if (!traits(tensor.type).ternary) {
    return fail(Error::Kind::unsupported,
                "{}: found {}, wanted a ternary type (I2_S, TQ2_0 or TQ1_0)", where,
                traits(tensor.type).name);
  }
  if (tensor.dims.size() != 2)
    return fail(Error::Kind::invalid, "{}: found 1 dimension, wanted the 2 of a matrix", where);
  if (tensor.dims[0] > kMaxK) {
    return fail(Error::Kind::unsupported,
                "{}: K={} is above {}, where dot products stop being exact", where, tensor.dims[0],
                kMaxK);
  }
  matrix.type_ = tensor.type;
  matrix.i2s_layout_ = i2s_layout;
  matrix.data_ = tensor.data;
  matrix.n_ = tensor.n();
  matrix.k_ = tensor.k();
  BITNET_CHECK(tensor.type == GgmlType::i2_s ? matrix.find_i2s_scale() : matrix.find_block_scale());
  const std::string factor_name = scale_name(tensor.name);
  if (const TensorInfo* factor = file.find(factor_name)) {
    BITNET_TRY(const float value, read_scalar(file.where(*factor), *factor));
    matrix.scale_ *= value;
    BITNET_CHECK(matrix.check_scale(matrix.scale_));
  }
  return matrix;
}

std::string TernaryMatrix::scale_name(std::string_view tensor_name) {
  constexpr std::string_view kSuffix = ".weight";
  if (tensor_name.ends_with(kSuffix)) tensor_name.remove_suffix(kSuffix.size());
  return std::string(tensor_name) + ".scale";
}

Result<void> TernaryMatrix::check_scale(float scale) const {
  if (std::isfinite(scale) && scale > 0) return {};
  return fail(Error::Kind::invalid,
              "{}: found the weight scale {}, wanted a positive finite number", where_, scale);
}

// Behind the last block; parse() made room for blocks of 128, which blocks of 64 may not fill.
Result<void> TernaryMatrix::find_i2s_scale() {
  const int64_t elements = i2s_block_elements(i2s_layout_),
                blocks = (n_ * k_ + elements - 1) / elements;
  std::memcpy(&scale_, data_.data() + blocks * (elements / 4), sizeof scale_);
  return check_scale(scale_);
}

// The scale of the first block that holds a trit other than 0. A matrix of zeros alone keeps the
// scale 1.
Result<void> TernaryMatrix::find_block_scale() {
  int8_t trits[kTqElements];
  const int64_t bytes = block_bytes(type_), blocks = n_ * (k_ / kTqElements);
  for (int64_t b = 0; b < blocks; ++b) {
    const uint8_t* block = raw(data_) + b * bytes;
    decode_tq_block(type_, block, trits);
    if (all_zero(trits, kTqElements)) continue;
    block_scale_ = tq_scale(block, bytes);
    scale_ = float_from_half(block_scale_);
    return check_scale(scale_);
  }
  return {};
}

Result<void> TernaryMatrix::decode_rows(int64_t n0, int64_t n1, int8_t* out) const {
  assert(0 <= n0 && n0 <= n1 && n1 <= n_);
  return type_ == GgmlType::i2_s ? decode_i2s_rows(n0, n1, out) : decode_tq_rows(n0, n1, out);
}

// Blocks run flat across rows, so a range of rows may begin and end inside one.
Result<void> TernaryMatrix::decode_i2s_rows(int64_t n0, int64_t n1, int8_t* out) const {
  const int64_t end = n1 * k_, elements = i2s_block_elements(i2s_layout_);
  int8_t* const begin_out = out;
  bool good = true;
  for (int64_t e = n0 * k_; e < end;) {
    const uint8_t* block = raw(data_) + e / elements * (elements / 4);
    const int64_t into = e % elements, whole = (end - e) / elements;
    int64_t taken = whole * elements;
    if (into == 0 && whole > 0) {
      good &= decode_i2s(i2s_layout_, block, whole, out);
    } else {
      int8_t trits[kI2sElements];
      decode_i2s(i2s_layout_, block, 1, trits);
      taken = std::min(elements - into, end - e);
      std::copy_n(trits + into, taken, out);
      good &= std::find(out, out + taken, 2) ==
              out + taken;  // what lies past the last row may be anything
    }
    e += taken;
    out += taken;
  }
  if (!good) return bad_code(n0, {begin_out, out});
  return {};
}

Result<void> TernaryMatrix::decode_tq_rows(int64_t n0, int64_t n1, int8_t* out) const {
  const int64_t bytes = block_bytes(type_), row_blocks = k_ / kTqElements;
  const uint8_t* block = raw(data_) + n0 * row_blocks * bytes;
  int8_t* const begin_out = out;
  for (int64_t b = n0 * row_blocks; b < n1 * row_blocks; ++b, block += bytes, out += kTqElements) {
    if (!decode_tq_block(type_, block, out)) return bad_code(n0, {begin_out, out + kTqElements});
    const uint16_t scale = tq_scale(block, bytes);
    if (scale != block_scale_ && !all_zero(out, kTqElements)) {
      return fail(Error::Kind::unsupported,
                  "{}: row {}, block {}: found the scale {}, wanted {} as in every other block: "
                  "not ternary with one scale",
                  where_, b / row_blocks, b % row_blocks, float_from_half(scale),
                  float_from_half(block_scale_));
    }
  }
  return {};
}

// Names the first code 3 of rows n0... decoded[...][k] holds one, unless the file was written to
// between decoding and checking.
std::unexpected<Error> TernaryMatrix::bad_code(int64_t n0, std::span<const int8_t> decoded) const {
  const int64_t place = std::ranges::find(decoded, 2) - decoded.begin();
  if (place == std::ssize(decoded))
    return fail(Error::Kind::io, "{}: the file changes while it is read", where_);
  return fail(Error::Kind::invalid, "{}: row {}, column {}: found the code 3, wanted 0 to 2",
              where_, n0 + place / k_, place % k_);
}

}  // namespace bitnet
