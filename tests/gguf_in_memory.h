// A GGUF file of a test in memory, with what is read of it.
#pragma once

#include <string>
#include <utility>

#include "runtime/gguf/ternary.h"
#include "tests/gguf_builder.h"

namespace bitnet::testing {

inline void add(GgufBuilder& file, const std::string& name, uint64_t n, uint64_t k, uint32_t id,
                Bytes data) {
  file.tensors.push_back({name, {k, n}, id, std::move(data), -1});
}

// The file's bytes live as long as what is read of it.
class File {
 public:
  explicit File(const GgufBuilder& file) : File(file.build()) {}
  explicit File(Bytes bytes) : bytes_(std::move(bytes)), gguf_(Gguf::parse(bytes_, "t.gguf")) {}
  const Result<Gguf>& gguf() const { return gguf_; }
  std::string error() const { return gguf_ ? "none" : gguf_.error().message; }
  GgmlType type(std::string_view name) const { return gguf_->find(name)->type; }
  Result<TernaryMatrix> matrix(std::string_view name = "w.weight") const {
    return TernaryMatrix::open(*gguf_, *gguf_->find(name));
  }

 private:
  Bytes bytes_;
  Result<Gguf> gguf_;
};

}  // namespace bitnet::testing
