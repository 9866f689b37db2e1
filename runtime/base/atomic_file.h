// A file written piece by piece under a temporary name in its own directory and renamed when
// complete: readers see the old file or the new one, never half of one. Without commit() the
// temporary file is removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace bitnet {

class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  // Small pieces are gathered; large ones go straight to the file.
  Result<void> write(std::span<const std::byte> bytes);
  uint64_t bytes_written() const { return written_; }
  // Flushes to the disk, then renames.
  Result<void> commit();

 private:
  AtomicFile(std::string path, std::string temporary, int descriptor);
  Result<void> flush();

  std::string path_, temporary_;
  int descriptor_ = -1;
  uint64_t written_ = 0;
  std::vector<std::byte> pending_;
};

}  // namespace bitnet
