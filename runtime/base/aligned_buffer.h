// A zeroed, aligned block of memory with an owner. Large blocks ask the kernel for 2 MB pages
// (madvise; refusal is silent): streaming weights from 4 KB pages costs up to a third of the rate.
//   alignment   64 bytes, or 2 MB for blocks of 2 MB and more
//   tail        kTailBytes readable, zeroed bytes follow the block: a kernel may load one vector
//               past its end
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace bitnet {

class AlignedBuffer {
 public:
  static constexpr size_t kTailBytes = 256;

  AlignedBuffer() = default;
  // small: pages of the usual size however large the block, for what is sparsely used and need not
  // cost memory before.
  enum class Pages : uint8_t { large, small };
  // Throws std::bad_alloc where the system has no such amount. Model::load, Model::evaluate and
  // what else is public turn it into an error; ThreadPool::run carries it from thread to thread.
  explicit AlignedBuffer(size_t bytes, Pages pages = Pages::large);

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t bytes() const { return bytes_; }

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_.get());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_.get());
  }
  template <typename T>
  std::span<T> span() {
    return {as<T>(), bytes_ / sizeof(T)};
  }

 private:
  struct Unmap {
    size_t mapped_bytes = 0;
    size_t offset = 0;  // of data within the mapping
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte, Unmap> data_{nullptr, Unmap{}};
  size_t bytes_ = 0;
};

}  // namespace bitnet
