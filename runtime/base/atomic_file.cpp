#include "runtime/base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/base/mapped_file.h"

namespace bitnet {
namespace {

constexpr size_t kGatherBytes = size_t{1} << 20;

std::string reason() { return std::strerror(errno); }

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A rename is on the disk once its directory is. Best effort: some file systems cannot sync a
// directory.
void sync_directory(const std::string& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      written_(other.written_),
      pending_(std::move(other.pending_)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  // A name of its own beside the file; another process or thread may write to the same path.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string temporary = fmt::format("{}.tmp.{}.{}", path, ::getpid(), attempt);
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    const int descriptor = ::open(temporary.c_str(), kFlags, 0644);
    if (descriptor >= 0) return AtomicFile(path, std::move(temporary), descriptor);
    if (errno != EEXIST) break;
  }
  return fail(Error::Kind::io, "{}: cannot write: {}", path, reason());
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (pending_.size() + bytes.size() < kGatherBytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    return {};
  }
  BITNET_CHECK(flush());
  return write_all(bytes);
}

Result<void> AtomicFile::flush() {
  BITNET_CHECK(write_all(pending_));
  pending_.clear();
  return {};
}

Result<void> AtomicFile::write_all(std::span<const std::byte> rest) const {
  while (!rest.empty()) {
    const ssize_t wrote = ::write(descriptor_, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(Error::Kind::io, "{}: cannot write: {}", path_, reason());
    rest = rest.subspan(static_cast<size_t>(wrote));
  }
  return {};
}

Result<void> AtomicFile::commit(Durability durability) {
  BITNET_CHECK(flush());
  const bool to_disk = durability == Durability::disk;
  if (to_disk && ::fsync(descriptor_) != 0 && errno != EINVAL)
    return fail(Error::Kind::io, "{}: cannot write: {}", path_, reason());
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return fail(Error::Kind::io, "{}: cannot rename {} to it: {}", path_, temporary_, reason());
  ::close(std::exchange(descriptor_, -1));
  if (to_disk) sync_directory(directory_of(path_));
  return {};
}

Result<void> write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  BITNET_TRY(AtomicFile file, AtomicFile::create(path));
  BITNET_CHECK(file.write(bytes));
  return file.commit();
}

}  // namespace bitnet
