// Builds GGUF files in memory, right ones and wrong ones, for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/gguf/value_types.h"

namespace bitnet::testing {

using Bytes = std::vector<std::byte>;

template <typename T>
void put(Bytes& out, T value) {
  const auto* raw = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), raw, raw + sizeof(T));
}
inline void put_string(Bytes& out, std::string_view text) {
  put<uint64_t>(out, text.size());
  const auto* raw = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), raw, raw + text.size());
}

struct TestTensor {
  std::string name;
  std::vector<uint64_t> dims;
  uint32_t type = 0;
  Bytes data;
  int64_t offset = -1;  // -1: the next free place
};

// Public members are what tests bend.
struct GgufBuilder {
  uint32_t magic = 0x46554747, version = 3;
  uint64_t alignment = 32;
  std::vector<std::pair<std::string, Bytes>> keys;  // value type and value
  std::vector<TestTensor> tensors;
  int64_t tensor_count = -1, key_count = -1;  // -1: as many as there are

  template <typename T>
  void number(const std::string& key, GgufValueType type, T value) {
    Bytes raw;
    put(raw, static_cast<uint32_t>(type));
    put(raw, value);
    set(key, std::move(raw));
  }
  void u32(const std::string& key, uint32_t value) { number(key, GgufValueType::u32, value); }
  void f32(const std::string& key, float value) { number(key, GgufValueType::f32, value); }
  void text(const std::string& key, std::string_view value) {
    Bytes raw;
    put(raw, static_cast<uint32_t>(GgufValueType::string));
    put_string(raw, value);
    set(key, std::move(raw));
  }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    Bytes raw;
    put(raw, static_cast<uint32_t>(GgufValueType::array));
    put(raw, static_cast<uint32_t>(GgufValueType::string));
    put<uint64_t>(raw, values.size());
    for (const std::string& value : values) put_string(raw, value);
    set(key, std::move(raw));
  }
  template <typename T>
  void array(const std::string& key, GgufValueType type, const std::vector<T>& values) {
    Bytes raw;
    put(raw, static_cast<uint32_t>(GgufValueType::array));
    put(raw, static_cast<uint32_t>(type));
    put<uint64_t>(raw, values.size());
    for (const T& value : values) put(raw, value);
    set(key, std::move(raw));
  }
  // Replaces a key of the same name.
  void set(const std::string& key, Bytes raw) {
    remove(key);
    keys.emplace_back(key, std::move(raw));
  }
  void remove(const std::string& key) {
    std::erase_if(keys, [&](const auto& entry) { return entry.first == key; });
  }
  TestTensor& tensor(std::string_view name) {
    for (TestTensor& tensor : tensors) {
      if (tensor.name == name) return tensor;
    }
    return tensors.emplace_back(TestTensor{std::string(name), {}, 0, {}, -1});
  }
  void remove_tensor(std::string_view name) {
    std::erase_if(tensors, [&](const TestTensor& tensor) { return tensor.name == name; });
  }

  Bytes build() const {
    Bytes out;
    put(out, magic);
    put(out, version);
    put<uint64_t>(out, tensor_count < 0 ? tensors.size() : static_cast<uint64_t>(tensor_count));
    put<uint64_t>(out, key_count < 0 ? keys.size() : static_cast<uint64_t>(key_count));
    for (const auto& [key, raw] : keys) {
      put_string(out, key);
      out.insert(out.end(), raw.begin(), raw.end());
    }
    uint64_t offset = 0;
    for (const TestTensor& tensor : tensors) {
      if (tensor.offset >= 0) offset = static_cast<uint64_t>(tensor.offset);
      put_string(out, tensor.name);
      put<uint32_t>(out, static_cast<uint32_t>(tensor.dims.size()));
      for (const uint64_t dimension : tensor.dims) put(out, dimension);
      put(out, tensor.type);
      put(out, offset);
      offset = round_up(offset + tensor.data.size());
    }
    out.resize(round_up(out.size()));
    for (const TestTensor& tensor : tensors) {
      out.insert(out.end(), tensor.data.begin(), tensor.data.end());
      out.resize(round_up(out.size()));
    }
    return out;
  }

 private:
  uint64_t round_up(uint64_t bytes) const {
    return (bytes + alignment - 1) / alignment * alignment;
  }
};

}  // namespace bitnet::testing
