#include "tuner/trials_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/base/descriptor.h"
#include "runtime/base/write_all.h"
#include "runtime/base/xxh3.h"

namespace bitnet::tuner {
namespace {

std::string checksum(std::string_view text) {
  return fmt::format("{:08x}", XXH32(text.data(), text.size(), 0));
}

// Opened and locked; waits for whoever holds it.
Result<Descriptor> open_locked(const std::string& path, int flags, int lock) {
  // O_NONBLOCK: a FIFO of this name must not be waited for.
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0644));
  if (!file.is_open())
    return fail(errno == ENOENT ? Error::Kind::not_found : Error::Kind::io, "{}: cannot open: {}",
                path, std::strerror(errno));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return fail(Error::Kind::io, "{}: not a regular file", path);
  while (::flock(file.get(), lock) != 0)
    if (errno != EINTR)
      return fail(Error::Kind::io, "{}: cannot lock: {}", path, std::strerror(errno));
  return file;
}

Result<std::string> read_all(const std::string& path, const Descriptor& file) {
  std::string all;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Error::Kind::io, "{}: cannot read: {}", path, std::strerror(errno));
    if (got == 0) return all;
    all.append(buffer, static_cast<size_t>(got));
  }
}

// Empty, or with a line of ours among its first, however damaged the others; of a first line that
// was torn at least the checksum's digits.
bool is_a_log(const Descriptor& file) {
  std::string head(65536, '\0');
  const ssize_t got = ::pread(file.get(), head.data(), head.size(), 0);
  if (got < 0) return false;
  head.resize(static_cast<size_t>(got));
  if (head.empty() || head.find(" machine=") != head.npos) return true;
  const size_t digits = std::min(head.find_first_not_of("0123456789abcdef"), head.size());
  return head.find('\n') == head.npos && digits >= std::min<size_t>(8, head.size());
}

Result<Record> parse_line(std::string_view line) {
  if (line.size() < 10 || line[8] != ' ') return fail(Error::Kind::invalid, "no checksum");
  if (checksum(line.substr(9)) != line.substr(0, 8))
    return fail(Error::Kind::invalid, "checksum does not match");
  return parse_record(line.substr(9));
}

// Under the lock: cuts what follows the last newline.
Result<void> drop_torn_tail(const std::string& path, int fd) {
  off_t end = ::lseek(fd, 0, SEEK_END);
  const off_t whole = end;
  char last = 0;
  while (end > 0 && ::pread(fd, &last, 1, end - 1) == 1 && last != '\n') --end;
  if (end != whole && ::ftruncate(fd, end) != 0) {
    return fail(Error::Kind::io, "{}: cannot drop its torn last line: {}", path,
                std::strerror(errno));
  }
  return {};
}

}  // namespace

Result<TrialsRead> read_trials(const std::string& path) {
  TrialsRead read;
  auto file = open_locked(path, O_RDONLY, LOCK_SH);  // no line is half written then
  if (!file && file.error().kind == Error::Kind::not_found) return read;
  if (!file) return std::unexpected(std::move(file.error()));
  BITNET_TRY(const std::string content, read_all(path, *file));
  std::string_view rest = content;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      read.notices.push_back(fmt::format("{}:{}: torn last line dropped", path, number));
      break;
    }
    auto record = parse_line(rest.substr(0, end));
    if (record) read.records.push_back(std::move(*record));
    if (!record)
      read.notices.push_back(
          fmt::format("{}:{}: dropped: {}", path, number, record.error().message));
    rest.remove_prefix(end + 1);
  }
  return read;
}

Result<void> append_trials(const std::string& path, std::span<const Record> records) {
  if (records.empty()) return {};
  BITNET_TRY(const Descriptor file, open_locked(path, O_RDWR | O_CREAT | O_APPEND, LOCK_EX));
  if (!is_a_log(file))
    return fail(Error::Kind::invalid, "{}: found a file that is no trials log: nothing is added",
                path);
  BITNET_CHECK(drop_torn_tail(path, file.get()));
  std::string lines;
  for (const Record& record : records) {
    const std::string text = to_text(record);
    lines += checksum(text) + " " + text + "\n";
  }
  const int error = write_all(file.get(), std::as_bytes(std::span(lines)));
  if (error == 0) return {};
  return fail(Error::Kind::io, "{}: cannot append: {}", path, std::strerror(error));
}

}  // namespace bitnet::tuner
