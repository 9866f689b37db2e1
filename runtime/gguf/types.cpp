#include "runtime/gguf/types.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

namespace bitnet {
namespace {

constexpr std::array<TypeTraits, 18> kTypes = {{
    {GgmlType::f32, "F32", 1, 4, false},
    {GgmlType::f16, "F16", 1, 2, false},
    {GgmlType::bf16, "BF16", 1, 2, false},
    {GgmlType::q8_0, "Q8_0", kQ8Elements, kQ8Bytes, false},
    {GgmlType::q6_k, "Q6_K", kQ6Elements, kQ6Bytes, false},
    {GgmlType::q5_k, "Q5_K", kQkElements, kQ5kBytes, false},
    {GgmlType::q4_k, "Q4_K", kQkElements, kQ4kBytes, false},
    {GgmlType::q5_0, "Q5_0", kQ4Elements, kQ50Bytes, false},
    {GgmlType::q4_1, "Q4_1", kQ4Elements, kQ41Bytes, false},
    {GgmlType::q4_0, "Q4_0", kQ4Elements, kQ40Bytes, false},
    {GgmlType::tq1_0, "TQ1_0", kTqElements, kTq1Bytes, true},
    {GgmlType::tq2_0, "TQ2_0", kTqElements, kTq2Bytes, true},
    {GgmlType::i2_s, "I2_S", 1, 0, true},  // see tensor_bytes
    {GgmlType::q1_0, "Q1_0", kQ1Elements, kQ1Bytes, true},
    {GgmlType::q2_0, "Q2_0", kQ2Elements, kQ2Bytes, true},
    {GgmlType::q2_0_g128, "Q2_0_G128", kPq2Elements, kPq2Bytes, true},
    {GgmlType::pq2_0, "PQ2_0", kPq2Elements, kPq2Bytes, true},
    {GgmlType::ptq1_0, "PTQ1_0", kPtqElements, kPtqBytes, true},
}};

constexpr uint64_t kI2sScaleBytes = 32;

}  // namespace

std::span<const TypeTraits> known_types() { return kTypes; }

const TypeTraits* find_type(uint32_t id) {
  const auto found =
      std::ranges::find(kTypes, id, [](const TypeTraits& t) { return file_id(t.type); });
  return found == kTypes.end() ? nullptr : found;
}

const TypeTraits& traits(GgmlType type) {
  const auto found = std::ranges::find(kTypes, type, &TypeTraits::type);
  assert(found != kTypes.end());
  return *found;
}

std::string type_names(bool ternary) {
  std::string names;
  for (const TypeTraits& type : kTypes)
    if (type.ternary == ternary && type.type != GgmlType::q2_0_g128)
      names += fmt::format("{}{}", names.empty() ? "" : ", ", type.name);
  return names;
}

std::string type_name(uint32_t id) {
  if (const TypeTraits* type = find_type(id)) return std::string(type->name);
  // clang-format off
  constexpr std::pair<uint32_t, const char*> kOthers[] = {
      {7, "Q5_1"}, {10, "Q2_K"}, {11, "Q3_K"},
      {24, "I8"}, {25, "I16"}, {26, "I32"}, {27, "I64"}, {28, "F64"},
      // From 36 on ids depend on who wrote the file.
      {38, "TL1 of bitnet.cpp"}, {39, "MXFP4, or TL2 of bitnet.cpp"},
      {40, "NVFP4, or a Q1_0 of 32 a scale"}, {43, "STQ1_0"}, {134, "IQ1_BN"}, {135, "IQ2_BN"}};
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
