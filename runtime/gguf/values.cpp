// Typed access to the metadata. Integers are taken by value, whatever width and sign they are
// stored with.
#include <cstring>
#include <type_traits>
#include <utility>

#include "runtime/base/printable.h"
#include "runtime/gguf/cursor.h"
#include "runtime/gguf/reader.h"
#include "runtime/gguf/value_types.h"

namespace bitnet {
namespace {

std::string kind_of(const GgufArray& array) {
  switch (static_cast<GgufValueType>(array.element_type)) {
    case GgufValueType::string:
      return fmt::format("an array of {} strings", array.count);
    case GgufValueType::f32:
    case GgufValueType::f64:
      return fmt::format("an array of {} floats", array.count);
    case GgufValueType::boolean:
      return fmt::format("an array of {} bools", array.count);
    default:
      return fmt::format("an array of {} integers", array.count);
  }
}

std::unexpected<Error> missing(const Gguf& file, std::string_view key) {
  return fail(Error::Kind::not_found, "{}: there is no key {}", file.path(), printable(key));
}

std::unexpected<Error> wrong_type(const Gguf& file, std::string_view key, const GgufValue& value,
                                  std::string_view wanted) {
  return fail(Error::Kind::invalid, "{}: key {}: found {}, wanted {}", file.path(), printable(key),
              describe(value), wanted);
}

// Numbers of a stored array, converted one by one; nothing where an element does not fit.
template <typename Stored, typename Out>
bool append(const GgufArray& array, std::vector<Out>& out) {
  for (uint64_t i = 0; i < array.count; ++i) {
    Stored stored;
    std::memcpy(&stored, array.bytes.data() + i * sizeof(Stored), sizeof(Stored));
    if constexpr (std::is_integral_v<Out>) {
      if (!std::in_range<Out>(stored)) return false;
    }
    out.push_back(static_cast<Out>(stored));
  }
  return true;
}

bool append_integers(const GgufArray& array, std::vector<int32_t>& out) {
  switch (static_cast<GgufValueType>(array.element_type)) {
    case GgufValueType::u8:
      return append<uint8_t>(array, out);
    case GgufValueType::i8:
      return append<int8_t>(array, out);
    case GgufValueType::u16:
      return append<uint16_t>(array, out);
    case GgufValueType::i16:
      return append<int16_t>(array, out);
    case GgufValueType::u32:
      return append<uint32_t>(array, out);
    case GgufValueType::i32:
      return append<int32_t>(array, out);
    case GgufValueType::u64:
      return append<uint64_t>(array, out);
    case GgufValueType::i64:
      return append<int64_t>(array, out);
    default:
      return false;
  }
}

bool append_floats(const GgufArray& array, std::vector<float>& out) {
  switch (static_cast<GgufValueType>(array.element_type)) {
    case GgufValueType::f32:
      return append<float>(array, out);
    case GgufValueType::f64:
      return append<double>(array, out);
    default:
      return false;
  }
}

template <typename Stored, typename Wide>
GgufValue first(const GgufArray& array) {
  Stored stored;
  std::memcpy(&stored, array.bytes.data(), sizeof(Stored));
  return static_cast<Wide>(stored);
}

// Element 0 of an array that has one.
std::optional<GgufValue> element(const GgufArray& array) {
  switch (static_cast<GgufValueType>(array.element_type)) {
    case GgufValueType::u8:
      return first<uint8_t, uint64_t>(array);
    case GgufValueType::i8:
      return first<int8_t, int64_t>(array);
    case GgufValueType::u16:
      return first<uint16_t, uint64_t>(array);
    case GgufValueType::i16:
      return first<int16_t, int64_t>(array);
    case GgufValueType::u32:
      return first<uint32_t, uint64_t>(array);
    case GgufValueType::i32:
      return first<int32_t, int64_t>(array);
    case GgufValueType::u64:
      return first<uint64_t, uint64_t>(array);
    case GgufValueType::i64:
      return first<int64_t, int64_t>(array);
    case GgufValueType::f32:
      return first<float, double>(array);
    case GgufValueType::f64:
      return first<double, double>(array);
    case GgufValueType::boolean:
      return first<uint8_t, bool>(array);
    default:
      return std::nullopt;
  }
}

// Element 0 of an array of numbers, where all others have the same bytes.
std::optional<GgufValue> common_element(const GgufArray& array) {
  const uint64_t bytes = value_bytes(static_cast<GgufValueType>(array.element_type));
  if (array.count == 0 || bytes == 0) return std::nullopt;
  const std::byte* data = array.bytes.data();
  for (uint64_t i = 1; i < array.count; ++i)
    if (std::memcmp(data, data + i * bytes, bytes) != 0) return std::nullopt;
  GgufArray one = array;
  one.count = 1;
  return element(one);
}

}  // namespace

std::string describe(const GgufValue& value) {
  struct {
    std::string operator()(uint64_t v) const { return fmt::format("the integer {}", v); }
    std::string operator()(int64_t v) const { return fmt::format("the integer {}", v); }
    std::string operator()(double v) const {
      const auto narrow = static_cast<float>(v);  // as most are stored
      return narrow == v ? fmt::format("the float {}", narrow) : fmt::format("the float {}", v);
    }
    std::string operator()(bool v) const { return fmt::format("the bool {}", v); }
    std::string operator()(std::string_view v) const {
      return fmt::format("the string \"{}\"", printable(v, 32));
    }
    std::string operator()(const GgufArray& v) const { return kind_of(v); }
  } const visitor;
  return std::visit(visitor, value);
}

std::optional<GgufValue> uniform(const GgufValue& value) {
  const auto* array = std::get_if<GgufArray>(&value);
  return array == nullptr ? std::optional(value) : common_element(*array);
}

std::optional<double> number(const GgufValue& value) {
  const std::optional<GgufValue> one = uniform(value);
  if (!one) return std::nullopt;
  if (const auto* v = std::get_if<uint64_t>(&*one)) return static_cast<double>(*v);
  if (const auto* v = std::get_if<int64_t>(&*one)) return static_cast<double>(*v);
  if (const auto* v = std::get_if<double>(&*one)) return *v;
  if (const auto* v = std::get_if<bool>(&*one)) return *v ? 1 : 0;
  return std::nullopt;
}

const GgufValue* Gguf::value(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

bool Gguf::has(std::string_view key) const { return value(key) != nullptr; }

Result<uint64_t> Gguf::unsigned_value(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing(*this, key);
  if (const auto* number = std::get_if<uint64_t>(found)) return *number;
  if (const auto* number = std::get_if<int64_t>(found); number != nullptr && *number >= 0)
    return static_cast<uint64_t>(*number);
  return wrong_type(*this, key, *found, "an integer of 0 or more");
}

Result<uint64_t> Gguf::unsigned_or(std::string_view key, uint64_t missing) const {
  return has(key) ? unsigned_value(key) : missing;
}

Result<double> Gguf::float_value(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing(*this, key);
  if (const auto* number = std::get_if<double>(found)) return *number;
  return wrong_type(*this, key, *found, "a float");
}

Result<double> Gguf::float_or(std::string_view key, double missing) const {
  return has(key) ? float_value(key) : missing;
}

Result<bool> Gguf::bool_or(std::string_view key, bool missing) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing;
  if (const auto* flag = std::get_if<bool>(found)) return *flag;
  return wrong_type(*this, key, *found, "a bool");
}

Result<std::string_view> Gguf::string_value(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing(*this, key);
  if (const auto* text = std::get_if<std::string_view>(found)) return *text;
  return wrong_type(*this, key, *found, "a string");
}

Result<std::optional<std::string_view>> Gguf::string_or_none(std::string_view key) const {
  if (!has(key)) return std::optional<std::string_view>();
  BITNET_TRY(const std::string_view text, string_value(key));
  return std::optional(text);
}

Result<uint64_t> Gguf::count(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing(*this, key);
  if (const auto* array = std::get_if<GgufArray>(found)) return array->count;
  return wrong_type(*this, key, *found, "an array");
}

Result<std::vector<std::string_view>> Gguf::strings(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing(*this, key);
  const auto* array = std::get_if<GgufArray>(found);
  if (array == nullptr || static_cast<GgufValueType>(array->element_type) != GgufValueType::string)
    return wrong_type(*this, key, *found, "an array of strings");
  std::vector<std::string_view> out;
  out.reserve(array->count);
  // Lengths were checked by parse; they are checked again because the file may have been written to
  // since.
  Cursor cursor(array->bytes);
  for (uint64_t i = 0; i < array->count; ++i) {
    auto text = cursor.string("an array of strings");
    if (!text) return in(fmt::format("{}: key {}", path_, printable(key)), text.error());
    out.push_back(*text);
  }
  return out;
}

Result<std::vector<float>> Gguf::floats(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing(*this, key);
  std::vector<float> out;
  const auto* array = std::get_if<GgufArray>(found);
  if (array == nullptr || !append_floats(*array, out))
    return wrong_type(*this, key, *found, "an array of floats");
  return out;
}

Result<std::vector<int32_t>> Gguf::ints(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return missing(*this, key);
  std::vector<int32_t> out;
  const auto* array = std::get_if<GgufArray>(found);
  if (array == nullptr || !append_integers(*array, out))
    return wrong_type(*this, key, *found, "an array of 32-bit integers");
  return out;
}

}  // namespace bitnet
