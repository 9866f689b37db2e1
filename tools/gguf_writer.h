// The head of a GGUF v3 file: metadata and the list of tensors with their places. The caller
// streams the tensors' bytes behind it, in the order in which they were added, each padded to
// kAlignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/types.h"

namespace bitnet {

class GgufWriter {
 public:
  static constexpr uint64_t kAlignment = 32;
  static uint64_t padded(uint64_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  void set(std::string_view key, uint32_t value);
  void set(std::string_view key, float value);
  void set(std::string_view key, bool value);
  void set(std::string_view key, std::string_view value);
  void set(std::string_view key, const char* value) { set(key, std::string_view(value)); }
  void set(std::string_view key, const std::vector<std::string>& values);
  void set(std::string_view key, const std::vector<int32_t>& values);

  // Both return the tensor's bytes, not padded. Errors name it.
  Result<uint64_t> add_matrix(std::string_view name, GgmlType type, uint64_t n, uint64_t k);
  Result<uint64_t> add_vector(std::string_view name, GgmlType type, uint64_t k);

  // Everything before the first tensor's bytes, padded.
  std::vector<std::byte> head() const;

 private:
  Result<uint64_t> add(std::string_view name, GgmlType type, const std::vector<uint64_t>& dims);

  std::vector<std::byte> keys_, tensors_;
  uint64_t key_count_ = 0, tensor_count_ = 0, offset_ = 0;
};

}  // namespace bitnet
