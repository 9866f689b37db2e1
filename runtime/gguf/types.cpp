#include "runtime/gguf/types.h"

#include <array>
#include <cassert>
#include <limits>

namespace bitnet {
namespace {

constexpr std::array<TypeTraits, 8> kTypes = {{
    {GgmlType::f32, "F32", 1, 4, false},
    {GgmlType::f16, "F16", 1, 2, false},
    {GgmlType::bf16, "BF16", 1, 2, false},
    {GgmlType::q8_0, "Q8_0", kQ8Elements, kQ8Bytes, false},
    {GgmlType::q6_k, "Q6_K", kQ6Elements, kQ6Bytes, false},
    {GgmlType::tq1_0, "TQ1_0", kTqElements, kTq1Bytes, true},
    {GgmlType::tq2_0, "TQ2_0", kTqElements, kTq2Bytes, true},
    {GgmlType::i2_s, "I2_S", 1, 0, true},  // see tensor_bytes
}};

constexpr uint64_t kI2sScaleBytes = 32;

}  // namespace

const TypeTraits* find_type(uint32_t id) {
  for (const TypeTraits& type : kTypes) {
    if (static_cast<uint32_t>(type.type) == id) return &type;
  }
  return nullptr;
}

const TypeTraits& traits(GgmlType type) {
  const TypeTraits* found = find_type(static_cast<uint32_t>(type));
  assert(found != nullptr);
  return *found;
}

std::string type_name(uint32_t id) {
  if (const TypeTraits* type = find_type(id)) return std::string(type->name);
  // clang-format off
  constexpr std::pair<uint32_t, const char*> kOthers[] = {
      {2, "Q4_0"}, {3, "Q4_1"}, {6, "Q5_0"}, {7, "Q5_1"}, {10, "Q2_K"}, {11, "Q3_K"}, {12, "Q4_K"}, {13, "Q5_K"},
      {24, "I8"}, {25, "I16"}, {26, "I32"}, {27, "I64"}, {28, "F64"},
      // From 36 on ids depend on who wrote the file.
      {38, "TL1 of bitnet.cpp"}, {39, "MXFP4, or TL2 of bitnet.cpp"}, {134, "IQ1_BN"}, {135, "IQ2_BN"}};
  // clang-format on
  for (const auto& [other, name] : kOthers) {
    if (other == id) return fmt::format("{} (type {})", name, id);
  }
  return fmt::format("type {}", id);
}

Result<uint64_t> tensor_bytes(GgmlType type, uint64_t n, uint64_t k) {
  const TypeTraits& t = traits(type);
  const auto block_elements = static_cast<uint64_t>(t.block_elements);
  if (n == 0 || k == 0)
    return fail(Error::Kind::invalid, "found an empty dimension in {}x{}, wanted at least 1", n, k);
  if (k % block_elements != 0)
    return fail(Error::Kind::invalid, "K={} is not a multiple of the block size {} of {}", k,
                block_elements, t.name);
  // Every type takes at most 4 bytes an element, and I2_S 64 bytes besides.
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max() / 8;
  if (n > kMost / k) return fail(Error::Kind::invalid, "{}x{} elements overflow", n, k);
  if (type == GgmlType::i2_s)
    return (n * k + kI2sElements - 1) / kI2sElements * kI2sBytes + kI2sScaleBytes;
  return n * (k / block_elements) * static_cast<uint64_t>(t.block_bytes);
}

}  // namespace bitnet
