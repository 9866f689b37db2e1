#include "tools/gguf_writer.h"

#include <cstring>

#include "runtime/base/printable.h"
#include "runtime/gguf/value_types.h"

namespace bitnet {
namespace {

// resize and memcpy where insert would do: GCC 12 sees an overflow in its insert that is not there.
void append(std::vector<std::byte>& out, const void* bytes, size_t count) {
  const size_t end = out.size();
  out.resize(end + count);
  if (count > 0) std::memcpy(out.data() + end, bytes, count);
}

template <typename T>
void put(std::vector<std::byte>& out, T value) {
  append(out, &value, sizeof value);
}

void put(std::vector<std::byte>& out, GgufValueType type) { put(out, static_cast<uint32_t>(type)); }

void put(std::vector<std::byte>& out, std::string_view text) {
  put<uint64_t>(out, text.size());
  append(out, text.data(), text.size());
}

}  // namespace

void GgufWriter::set(std::string_view key, uint32_t value) {
  ++key_count_;
  put(keys_, key);
  put(keys_, GgufValueType::u32);
  put(keys_, value);
}

void GgufWriter::set(std::string_view key, float value) {
  ++key_count_;
  put(keys_, key);
  put(keys_, GgufValueType::f32);
  put(keys_, value);
}

void GgufWriter::set(std::string_view key, bool value) {
  ++key_count_;
  put(keys_, key);
  put(keys_, GgufValueType::boolean);
  put(keys_, static_cast<uint8_t>(value));
}

void GgufWriter::set(std::string_view key, std::string_view value) {
  ++key_count_;
  put(keys_, key);
  put(keys_, GgufValueType::string);
  put(keys_, value);
}

void GgufWriter::set(std::string_view key, const std::vector<std::string>& values) {
  ++key_count_;
  put(keys_, key);
  put(keys_, GgufValueType::array);
  put(keys_, GgufValueType::string);
  put<uint64_t>(keys_, values.size());
  for (const std::string& value : values) put(keys_, std::string_view(value));
}

void GgufWriter::set(std::string_view key, const std::vector<int32_t>& values) {
  ++key_count_;
  put(keys_, key);
  put(keys_, GgufValueType::array);
  put(keys_, GgufValueType::i32);
  put<uint64_t>(keys_, values.size());
  for (const int32_t value : values) put(keys_, value);
}

Result<uint64_t> GgufWriter::add_matrix(std::string_view name, GgmlType type, uint64_t n,
                                        uint64_t k) {
  return add(name, type, {k, n});
}

Result<uint64_t> GgufWriter::add_vector(std::string_view name, GgmlType type, uint64_t k) {
  return add(name, type, {k});
}

Result<uint64_t> GgufWriter::add(std::string_view name, GgmlType type,
                                 const std::vector<uint64_t>& dims) {
  auto bytes = tensor_bytes(type, dims.size() > 1 ? dims[1] : 1, dims[0]);
  if (!bytes) return in(printable(name), bytes.error());
  ++tensor_count_;
  put(tensors_, name);
  put(tensors_, static_cast<uint32_t>(dims.size()));
  for (const uint64_t dimension : dims) put(tensors_, dimension);
  put(tensors_, file_id(type));
  put(tensors_, offset_);
  offset_ += padded(*bytes);
  return bytes;
}

std::vector<std::byte> GgufWriter::head() const {
  std::vector<std::byte> out;
  put<uint32_t>(out, 0x46554747);  // "GGUF"
  put<uint32_t>(out, 3);
  put(out, tensor_count_);
  put(out, key_count_);
  append(out, keys_.data(), keys_.size());
  append(out, tensors_.data(), tensors_.size());
  out.resize(padded(out.size()));
  return out;
}

}  // namespace bitnet
