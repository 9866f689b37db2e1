// Reads GGUF v2 and v3 (little-endian). The file is hostile input: every count, length, offset,
// product and string is checked before it is used; views returned here lie inside the mapping.
// Nothing is copied but the metadata index. Format: docs/spec of ggml, "GGUF"; ids of ternary types
// collide between projects, see types.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/mapped_file.h"
#include "runtime/base/result.h"
#include "runtime/gguf/types.h"

namespace bitnet {

struct GgufArray;
using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray>;
// Arrays stay in the file; elements are decoded on access. No arrays of arrays.
struct GgufArray {
  uint32_t element_type = 0;
  uint64_t count = 0;
  std::span<const std::byte> bytes;
};

// What a message says of a value: "the integer 3", "an array of 4 strings".
std::string describe(const GgufValue& value);
// Some converters write once a layer what is one value for all: of an array of equal elements the
// element, of anything but an array the value itself. Nothing where elements differ or there are
// none.
std::optional<GgufValue> uniform(const GgufValue& value);
// A number or bool (of an array of equal ones: one of them) as double; nothing for anything else.
std::optional<double> number(const GgufValue& value);

struct TensorInfo {
  std::string_view name;
  GgmlType type = GgmlType::f32;
  std::vector<uint64_t> dims;       // fastest first: dims[0] = K, dims[1] = N
  std::span<const std::byte> data;  // exactly the tensor's bytes
  int64_t k() const { return static_cast<int64_t>(dims[0]); }
  int64_t n() const { return dims.size() > 1 ? static_cast<int64_t>(dims[1]) : 1; }
};

struct Split;

class Gguf {
 public:
  // Of a split model, its first part: the others are opened, too, and their tensors added.
  static Result<Gguf> open(const std::string& path);
  // For tests and fuzzing: bytes must outlive the result; name stands in messages.
  static Result<Gguf> parse(std::span<const std::byte> bytes, const std::string& name);

  const std::string& path() const { return path_; }
  uint64_t file_bytes() const;  // of all parts

  // Typed access. `..._or`: absent gives the default, a wrong type is an error all the same.
  Result<uint64_t> unsigned_value(std::string_view key) const;
  Result<uint64_t> unsigned_or(std::string_view key, uint64_t missing) const;
  Result<double> float_value(std::string_view key) const;
  Result<double> float_or(std::string_view key, double missing) const;
  Result<bool> bool_or(std::string_view key, bool missing) const;
  Result<std::string_view> string_value(std::string_view key) const;
  Result<std::optional<std::string_view>> string_or_none(std::string_view key) const;
  Result<std::vector<std::string_view>> strings(std::string_view key) const;
  Result<uint64_t> count(std::string_view key) const;  // elements of an array, without reading them
  Result<std::vector<float>> floats(std::string_view key) const;
  Result<std::vector<int32_t>> ints(std::string_view key) const;
  bool has(std::string_view key) const;
  const GgufValue* value(std::string_view key) const;  // null: there is none
  using Metadata = std::map<std::string_view, GgufValue, std::less<>>;
  const Metadata& metadata() const { return values_; }

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const TensorInfo* find(std::string_view name) const;
  Result<const TensorInfo*> tensor(std::string_view name) const;  // error: not_found

  // "<file>: <tensor>", printable, for messages: the part that it lies in.
  std::string where(const TensorInfo& tensor) const;

  // Bytes behind the last tensor that are no padding: of no use here.
  uint64_t trailing_bytes() const { return trailing_bytes_; }

  // A tensor's data that has been used up: see MappedFile::release. Nothing happens to bytes that
  // were given to parse().
  void release(std::span<const std::byte> data) const {
    for (const MappedFile& file : files_) file.release(data);
  }

 private:
  friend class GgufParser;
  // Refuses a second tensor of one name; the caller names the file.
  Result<void> add(TensorInfo tensor);
  Result<void> join_parts();  // split.cpp
  Result<void> join_part(const std::string& path, const Split& wanted);
  Result<void> check_tensor_count(uint64_t parts) const;

  std::string path_;
  std::vector<MappedFile> files_;  // the parts in order; none where parse() was given bytes
  std::span<const std::byte> bytes_;
  uint64_t trailing_bytes_ = 0;
  Metadata values_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string_view, size_t, std::less<>> by_name_;
};

}  // namespace bitnet
