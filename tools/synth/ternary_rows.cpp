#include "tools/synth/ternary_rows.h"

#include <algorithm>
#include <string>

#include "runtime/base/half.h"
#include "tools/synth/encode.h"
#include "tools/synth/random.h"

namespace bitnet::synth {
namespace {

bool may_have_one_scale(GgmlType type) {
  return type == GgmlType::i2_s || type == GgmlType::tq1_0 || type == GgmlType::tq2_0;
}

// Between 0.75 and 1.25 of the matrix's, rounded to F16: so any type holds them exactly. Each
// stands `repeat` times.
void random_scales(RandomStream& random, float scale, int64_t groups, int64_t repeat,
                   uint16_t* out) {
  for (int64_t g = 0; g < groups; ++g, out += repeat)
    std::fill_n(out, repeat, half_from_float(scale * (0.75F + 0.5F * random.uniform())));
}

}  // namespace

int64_t default_group(GgmlType type) { return may_have_one_scale(type) ? 0 : 128; }

Result<void> check_group(GgmlType type, int64_t group, int64_t k) {
  const TypeTraits& t = traits(type);
  if (group == 0) {
    if (may_have_one_scale(type)) return {};
    return fail(Error::Kind::invalid, "{} has a scale for every {} weights, wanted groups", t.name,
                t.block_elements);
  }
  if (type == GgmlType::i2_s)
    return fail(Error::Kind::invalid, "I2_S has one scale a matrix and cannot hold groups of {}",
                group);
  if (t.block_elements > group)
    return fail(Error::Kind::invalid,
                "{} has a scale for every {} weights and cannot hold groups of {}", t.name,
                t.block_elements, group);
  if (k % group != 0)
    return fail(Error::Kind::invalid, "K={} is not a multiple of the group size {}", k, group);
  return {};
}

void make_ternary_rows(const TernaryTensor& tensor, uint64_t seed, int64_t n0, int64_t n1,
                       RowBuffers& buffers, std::vector<std::byte>& out) {
  const int64_t k = tensor.k, rows = n1 - n0, count = rows * k;
  const bool binary = tensor.type == GgmlType::q1_0;
  buffers.codes.resize(static_cast<size_t>(count) + 8);
  for (int64_t r = 0; r < rows; ++r) {
    RandomStream random(seed, tensor.name, n0 + r);
    uint8_t* codes = buffers.codes.data() + r * k;
    binary ? random_signs(random, k, codes) : random_codes(random, k, codes);
  }
  out.resize(static_cast<size_t>(encoded_bytes(tensor.type, count)));
  if (tensor.group == 0)
    return encode_codes(tensor.type, buffers.codes.data(), count, tensor.scale, out.data());
  const int64_t block = traits(tensor.type).block_elements;
  buffers.scales.resize(static_cast<size_t>(count / block));
  const std::string name = std::string(tensor.name) + " scales";
  for (int64_t r = 0; r < rows; ++r) {
    RandomStream random(seed, name, n0 + r);
    random_scales(random, tensor.scale, k / tensor.group, tensor.group / block,
                  buffers.scales.data() + r * (k / block));
  }
  encode_blocks(tensor.type, buffers.codes.data(), count, buffers.scales.data(), out.data());
}

}  // namespace bitnet::synth
