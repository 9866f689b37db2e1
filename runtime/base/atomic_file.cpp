#include "runtime/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "runtime/base/same_file.h"
#include "runtime/base/write_all.h"

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
  const Descriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.is_open()) ::fsync(descriptor.get());
}

// Follows links to what they name in the end, whether it exists or not. Not realpath: that wants it
// to exist.
Result<std::string> without_links(const std::string& path) {
  std::filesystem::path target = path;
  for (int links = 0; links < 40; ++links) {
    std::error_code none;
    const std::filesystem::path next = std::filesystem::read_symlink(target, none);
    if (none) return target.string();
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  return fail(Error::Kind::io, "{}: cannot write: {}", path, std::strerror(ELOOP));
}

// /dev/stdout and the like: a new file under its name would leave the shell with the old one.
std::optional<int> own_stream(const struct stat& status) {
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    struct stat own{};
    if (::fstat(stream, &own) == 0 && same_file(own, status)) return stream;
  }
  return std::nullopt;
}

// The new file is to its owner and to others what the old one was, as far as the system lets us;
// but nobody else may write to it: a kernel cache would be refused then.
void take_over(int descriptor, const struct stat& old) {
  [[maybe_unused]] const int ignored = ::fchown(descriptor, old.st_uid, old.st_gid);
  ::fchmod(descriptor, old.st_mode & 0755);
}

}  // namespace

AtomicFile::AtomicFile(std::string path, std::string target, std::string temporary,
                       Descriptor descriptor)
    : path_(std::move(path)),
      target_(std::move(target)),
      temporary_(std::move(temporary)),
      descriptor_(std::move(descriptor)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::move(other.descriptor_)),
      written_(other.written_),
      pending_(std::move(other.pending_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    BITNET_TRY(const std::string target, without_links(path));
    return open_beside(path, target);
  }
  if (const auto stream = own_stream(status)) {
    Descriptor copy(::fcntl(*stream, F_DUPFD_CLOEXEC, 3));
    if (!copy.is_open()) return fail(Error::Kind::io, "{}: cannot write: {}", path, reason());
    return AtomicFile(path, path, "", std::move(copy));
  }
  if (!S_ISREG(status.st_mode)) return open_through(path);
  BITNET_TRY(const std::string target, without_links(path));
  auto file = open_beside(path, target);
  if (file) take_over(file->descriptor_.get(), status);
  return file;
}

Result<AtomicFile> AtomicFile::open_through(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!descriptor.is_open()) return fail(Error::Kind::io, "{}: cannot write: {}", path, reason());
  return AtomicFile(path, path, "", std::move(descriptor));
}

Result<AtomicFile> AtomicFile::open_beside(const std::string& path, const std::string& target) {
  // A name of its own beside the file; another process or thread may write to the same path.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string temporary = fmt::format("{}.tmp.{}.{}", target, ::getpid(), attempt);
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    Descriptor descriptor(::open(temporary.c_str(), kFlags, 0644));
    if (descriptor.is_open())
      return AtomicFile(path, target, std::move(temporary), std::move(descriptor));
    if (errno != EEXIST) break;
  }
  return fail(Error::Kind::io, "{}: cannot write: {}", path, reason());
}

std::unexpected<Error> AtomicFile::cannot_write(int error) const {
  return fail(Error::Kind::io, "{}: cannot write: {}", path_, std::strerror(error));
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (pending_.size() + bytes.size() < kGatherBytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    return {};
  }
  BITNET_CHECK(flush());
  return write_through(bytes);
}

Result<void> AtomicFile::flush() {
  BITNET_CHECK(write_through(pending_));
  pending_.clear();
  return {};
}

Result<void> AtomicFile::write_through(std::span<const std::byte> bytes) const {
  const int error = write_all(descriptor_.get(), bytes);
  if (error != 0) return cannot_write(error);
  return {};
}

Result<void> AtomicFile::commit(Durability durability) {
  BITNET_CHECK(flush());
  if (!temporary_.empty()) return rename(durability);
  if (descriptor_.close() != 0) return cannot_write(errno);
  return {};
}

Result<void> AtomicFile::rename(Durability durability) {
  const bool to_disk = durability == Durability::disk;
  if (to_disk && ::fsync(descriptor_.get()) != 0 && errno != EINVAL) return cannot_write(errno);
  if (descriptor_.close() != 0) return cannot_write(errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return fail(Error::Kind::io, "{}: cannot rename {} to it: {}", path_, temporary_, reason());
  temporary_.clear();
  if (to_disk) sync_directory(directory_of(target_));
  return {};
}

Result<void> write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  BITNET_TRY(AtomicFile file, AtomicFile::create(path));
  BITNET_CHECK(file.write(bytes));
  return file.commit();
}

}  // namespace bitnet
