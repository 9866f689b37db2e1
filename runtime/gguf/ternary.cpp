#include "runtime/gguf/ternary.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "runtime/base/half.h"
#include "runtime/base/printable.h"

namespace bitnet {
namespace {

const uint8_t* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

bool is_tq(GgmlType type) { return type == GgmlType::tq1_0 || type == GgmlType::tq2_0; }

bool is_zero(const BlockLayout& layout, const uint8_t* blocks, int64_t b) {
  int8_t trits[kTqElements];
  layout.decode(blocks + b * layout.bytes, 1, trits);
  return std::all_of(trits, trits + layout.elements, [](int8_t trit) { return trit == 0; });
}

bool is_finite(uint16_t half) { return (half & 0x7C00U) != 0x7C00U; }

// What llama-quantize makes of a matrix that it cannot store in a TQ type.
std::string left_over(const TensorInfo& tensor) {
  const bool fallback = tensor.type == GgmlType::q4_0 || tensor.type == GgmlType::f16;
  if (!fallback || tensor.k() % kTqElements == 0) return "";
  return fmt::format(
      ": llama-quantize leaves a matrix so where K, {} here, is not a multiple of {}", tensor.k(),
      kTqElements);
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
    return fail(Error::Kind::unsupported, "{}: found {}, wanted a ternary type ({}){}", where,
                traits(tensor.type).name, type_names(true), left_over(tensor));
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
  if (tensor.type != GgmlType::i2_s) matrix.blocks_ = &block_layout(tensor.type);
  BITNET_CHECK(matrix.find_scale());
  BITNET_CHECK(matrix.apply_factor(file, tensor.name));
  return matrix;
}

std::string TernaryMatrix::scale_name(std::string_view tensor_name) {
  constexpr std::string_view kSuffix = ".weight";
  if (tensor_name.ends_with(kSuffix)) tensor_name.remove_suffix(kSuffix.size());
  return std::string(tensor_name) + ".scale";
}

const uint8_t* TernaryMatrix::row(int64_t n) const {
  return raw(data_) + n * row_scales() * blocks_->bytes;
}

Result<void> TernaryMatrix::find_scale() {
  if (type_ == GgmlType::i2_s) return find_i2s_scale();
  return is_tq(type_) ? find_block_scale() : Result<void>();
}

// Behind the last block; parse() made room for blocks of 128, which blocks of 64 may not fill.
Result<void> TernaryMatrix::find_i2s_scale() {
  const int64_t elements = i2s_block_elements(i2s_layout_),
                blocks = (n_ * k_ + elements - 1) / elements;
  std::memcpy(&scale_, data_.data() + blocks * (elements / 4), sizeof scale_);
  one_scale_ = true;
  if (std::isfinite(scale_) && scale_ > 0) return {};
  return fail(Error::Kind::invalid,
              "{}: found the weight scale {}, wanted a positive finite number", where_, scale_);
}

// The scale of the first block that holds a trit other than 0, if no such block has another one. A
// matrix of zeros alone keeps the scale 1. Ends at the first difference, so that a matrix with a
// scale a block costs nothing here.
Result<void> TernaryMatrix::find_block_scale() {
  const uint8_t* blocks = raw(data_);
  const int64_t count = n_ * row_scales();
  int64_t b = 0;
  while (b < count && is_zero(*blocks_, blocks, b)) ++b;
  one_scale_ = true;
  if (b == count) return {};
  const uint16_t first = blocks_->scale(blocks, b);
  scale_ = float_from_half(first);
  if (!is_finite(first))
    return fail(Error::Kind::invalid,
                "{}: row {}, block {}: found the scale {}, wanted a finite "
                "number",
                where_, b / row_scales(), b % row_scales(), scale_);
  while (++b < count && one_scale_)
    one_scale_ = blocks_->scale(blocks, b) == first || is_zero(*blocks_, blocks, b);
  return {};
}

Result<void> TernaryMatrix::apply_factor(const Gguf& file, std::string_view tensor_name) {
  const TensorInfo* factor = file.find(scale_name(tensor_name));
  if (factor == nullptr) return {};
  if (!one_scale_)
    return fail(
        Error::Kind::unsupported,
        "{}: found a scale of the matrix beside one for every {} weights, wanted one of both",
        file.where(*factor), group());
  BITNET_TRY(const float value, read_scalar(file.where(*factor), *factor));
  scale_ *= value;
  has_factor_ = true;
  if (std::isfinite(scale_) && scale_ > 0) return {};
  return fail(Error::Kind::invalid,
              "{}: found the weight scale {}, wanted a positive finite number", where_, scale_);
}

Result<void> TernaryMatrix::decode_rows(int64_t n0, int64_t n1, int8_t* out) const {
  assert(0 <= n0 && n0 <= n1 && n1 <= n_);
  if (blocks_ == nullptr) return decode_i2s_rows(n0, n1, out);
  if (blocks_->decode(row(n0), (n1 - n0) * row_scales(), out)) return {};
  return bad_code(n0, {out, static_cast<size_t>((n1 - n0) * k_)});
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

Result<void> TernaryMatrix::decode_scales(int64_t n0, int64_t n1, uint16_t* out) const {
  assert(blocks_ != nullptr && 0 <= n0 && n0 <= n1 && n1 <= n_);
  const uint8_t* blocks = row(n0);
  const int64_t count = (n1 - n0) * row_scales();
  bool good = true;
  for (int64_t b = 0; b < count; ++b) {
    out[b] = blocks_->scale(blocks, b);
    good &= is_finite(out[b]);
  }
  if (good) return {};
  const int64_t b = std::find_if_not(out, out + count, is_finite) - out;
  return fail(Error::Kind::invalid,
              "{}: row {}, column {}: found the scale {}, wanted a finite number", where_,
              n0 + b / row_scales(), b % row_scales() * group(), float_from_half(out[b]));
}

int64_t TernaryMatrix::constant_group(int64_t n0, int64_t n1) const {
  assert(blocks_ != nullptr && 0 <= n0 && n0 <= n1 && n1 <= n_);
  const uint8_t* blocks = row(n0);
  const int64_t count = (n1 - n0) * row_scales();
  int64_t size = 256;
  while (k_ % size != 0) size /= 2;
  for (; size > group(); size /= 2) {
    const int64_t together = size / group();  // scales, a power of two
    bool constant = true;
    for (int64_t b = 0; b < count && constant; b += together)
      for (int64_t i = 1; i < together; ++i)
        constant &= blocks_->scale(blocks, b + i) == blocks_->scale(blocks, b);
    if (constant) break;
  }
  return size;
}

// Names the first code 3 of rows n0... decoded[...][k] holds one, unless the file was written to
// between decoding and checking.
std::unexpected<Error> TernaryMatrix::bad_code(int64_t n0, std::span<const int8_t> decoded) const {
  const int64_t place = std::ranges::find(decoded, 2) - decoded.begin();
  if (place == std::ssize(decoded))
    return fail(Error::Kind::io, "{}: the file changes while it is read", where_);
  const bool two = !is_tq(type_) && type_ != GgmlType::i2_s;  // Q2_0 means 2 times the scale
  return fail(two ? Error::Kind::unsupported : Error::Kind::invalid,
              "{}: row {}, column {}: found the code 3, wanted 0 to 2{}", where_, n0 + place / k_,
              place % k_, two ? ": a weight of +2 is not ternary" : "");
}

}  // namespace bitnet
