#include "runtime/base/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bitnet {
namespace {

using enum Error::Kind;

std::unexpected<Error> cannot(const char* what) {
  return fail(errno == ENOENT ? not_found : io, "cannot {}: {}", what, std::strerror(errno));
}

Result<std::vector<std::byte>> read_checked(const std::string& path, FileCheck check) {
  // Non-blocking: a FIFO would wait for its writer here, and is refused by the check.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) return cannot("open");
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return cannot("read its size");
  BITNET_CHECK(check(status));
  std::vector<std::byte> bytes(static_cast<size_t>(status.st_size));
  BITNET_TRY(const size_t got, read_up_to(file, bytes));
  if (got < bytes.size()) return fail(io, "became shorter while it was read");
  return bytes;
}

}  // namespace

Result<void> check_regular(const struct stat& status) {
  if (S_ISREG(status.st_mode)) return {};
  return fail(io, "not a regular file");
}

Result<std::vector<std::byte>> read_file(const std::string& path, FileCheck check) {
  auto bytes = read_checked(path, check);
  if (!bytes) return in(path, std::move(bytes.error()));
  return bytes;
}

Result<size_t> read_up_to(const Descriptor& file, std::span<std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

}  // namespace bitnet
