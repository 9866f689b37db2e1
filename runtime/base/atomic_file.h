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

enum class Durability : uint8_t {
  disk,  // commit returns when the bytes are on the disk: a crash of the machine cannot lose what
         // was replaced
  none,  // for what can be made again: gigabytes need not be waited for
};

class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  // Small pieces are gathered; large ones go straight to the file.
  Result<void> write(std::span<const std::byte> bytes);
  uint64_t bytes_written() const { return written_; }
  Result<void> commit(Durability durability = Durability::disk);

 private:
  AtomicFile(std::string path, std::string temporary, int descriptor);
  Result<void> flush();
  Result<void> write_all(std::span<const std::byte> rest) const;

  std::string path_, temporary_;
  int descriptor_ = -1;
  uint64_t written_ = 0;
  std::vector<std::byte> pending_;
};

}  // namespace bitnet
