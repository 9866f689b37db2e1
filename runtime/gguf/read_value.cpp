#include "runtime/gguf/read_value.h"

#include "runtime/gguf/value_types.h"

namespace bitnet {
namespace {

template <typename Stored, typename Wide>
Result<GgufValue> read_number(Cursor& cursor, const std::string& where) {
  BITNET_TRY(const Stored value, cursor.number<Stored>(where));
  return GgufValue(static_cast<Wide>(value));
}

Result<GgufValue> read_bool(Cursor& cursor, const std::string& where) {
  BITNET_TRY(const auto value, cursor.number<uint8_t>(where));
  if (value > 1)
    return fail(Error::Kind::invalid, "{}: found {} for a bool, wanted 0 or 1", where, value);
  return GgufValue(value == 1);
}

Result<GgufValue> read_strings(Cursor& cursor, uint64_t count, const std::string& where) {
  if (count > cursor.left() / 8)
    return fail(Error::Kind::invalid, "{}: {} strings cannot fit into the {} bytes left", where,
                count, cursor.left());
  Cursor first = cursor;
  for (uint64_t i = 0; i < count; ++i) BITNET_CHECK(cursor.string(where));
  BITNET_TRY(const auto bytes, first.take(cursor.position() - first.position(), where));
  return GgufValue(GgufArray{static_cast<uint32_t>(GgufValueType::string), count, bytes});
}

Result<GgufValue> read_array(Cursor& cursor, const std::string& where) {
  BITNET_TRY(const auto type, cursor.number<uint32_t>(where));
  BITNET_TRY(const auto count, cursor.number<uint64_t>(where));
  if (static_cast<GgufValueType>(type) == GgufValueType::string)
    return read_strings(cursor, count, where);
  const uint64_t element_bytes = value_bytes(static_cast<GgufValueType>(type));
  if (element_bytes == 0)
    return fail(Error::Kind::unsupported,
                "{}: found an array of value type {}, wanted numbers or strings", where, type);
  if (count > cursor.left() / element_bytes)
    return fail(Error::Kind::invalid, "{}: {} elements cannot fit into the {} bytes left", where,
                count, cursor.left());
  BITNET_TRY(const auto bytes, cursor.take(count * element_bytes, where));
  return GgufValue(GgufArray{type, count, bytes});
}

}  // namespace

Result<GgufValue> read_value(Cursor& cursor, uint32_t type, const std::string& where) {
  switch (static_cast<GgufValueType>(type)) {
    case GgufValueType::u8:
      return read_number<uint8_t, uint64_t>(cursor, where);
    case GgufValueType::u16:
      return read_number<uint16_t, uint64_t>(cursor, where);
    case GgufValueType::u32:
      return read_number<uint32_t, uint64_t>(cursor, where);
    case GgufValueType::u64:
      return read_number<uint64_t, uint64_t>(cursor, where);
    case GgufValueType::i8:
      return read_number<int8_t, int64_t>(cursor, where);
    case GgufValueType::i16:
      return read_number<int16_t, int64_t>(cursor, where);
    case GgufValueType::i32:
      return read_number<int32_t, int64_t>(cursor, where);
    case GgufValueType::i64:
      return read_number<int64_t, int64_t>(cursor, where);
    case GgufValueType::f32:
      return read_number<float, double>(cursor, where);
    case GgufValueType::f64:
      return read_number<double, double>(cursor, where);
    case GgufValueType::boolean:
      return read_bool(cursor, where);
    case GgufValueType::string: {
      BITNET_TRY(const std::string_view value, cursor.string(where));
      return GgufValue(value);
    }
    case GgufValueType::array:
      return read_array(cursor, where);
  }
  return fail(Error::Kind::invalid, "{}: found value type {}, wanted 0 to 12", where, type);
}

}  // namespace bitnet
