// A file written piece by piece under a temporary name in its own directory and renamed when
// complete: readers see the old file or the new one, never half of one. Without commit() the
// temporary file is removed.
//
// A path may name what is no regular file: a link stays and its target is replaced; a device, a
// FIFO or this program's own stdout is written through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/descriptor.h"
#include "runtime/base/result.h"

namespace bitnet {

enum class Durability : uint8_t {
  disk,  // commit returns when the bytes are on the disk: a crash of the machine cannot lose what
         // was replaced
  none,  // for what can be made again: gigabytes need not be waited for
};

class AtomicFile {
 public:
  // A FIFO waits here for its reader, as everywhere.
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  // Small pieces are gathered; large ones go straight to the file.
  Result<void> write(std::span<const std::byte> bytes);
  uint64_t bytes_written() const { return written_; }
  Result<void> commit(Durability durability = Durability::disk);

 private:
  AtomicFile(std::string path, std::string target, std::string temporary, Descriptor descriptor);
  static Result<AtomicFile> open_through(const std::string& path);
  static Result<AtomicFile> open_beside(const std::string& path, const std::string& target);
  Result<void> flush();
  Result<void> write_through(std::span<const std::byte> bytes) const;
  Result<void> rename(Durability durability);
  std::unexpected<Error> cannot_write(int error) const;

  std::string path_;       // as given, for messages
  std::string target_;     // what is replaced: path_ without links
  std::string temporary_;  // empty: written through
  Descriptor descriptor_;
  uint64_t written_ = 0;
  std::vector<std::byte> pending_;
};

// All at once, and on the disk.
Result<void> write_file_atomically(const std::string& path, std::span<const std::byte> bytes);

}  // namespace bitnet
