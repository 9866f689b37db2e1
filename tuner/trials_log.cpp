#include "tuner/trials_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace bitnet::tuner {
namespace {

std::string checksum(std::string_view text) {
  return fmt::format("{:08x}", XXH32(text.data(), text.size(), 0));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

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
  std::ifstream file(path, std::ios::binary);
  if (!file) return read;
  std::ostringstream all;
  all << file.rdbuf();
  const std::string content = std::move(all).str();
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
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file.get() < 0)
    return fail(Error::Kind::io, "{}: cannot open: {}", path, std::strerror(errno));
  if (::flock(file.get(), LOCK_EX) != 0) {
    return fail(Error::Kind::io, "{}: cannot lock: {}", path, std::strerror(errno));
  }
  BITNET_CHECK(drop_torn_tail(path, file.get()));
  for (const Record& record : records) {
    const std::string text = to_text(record);
    const std::string line = checksum(text) + " " + text + "\n";
    if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      return fail(Error::Kind::io, "{}: cannot append: {}", path, std::strerror(errno));
    }
  }
  return {};
}

}  // namespace bitnet::tuner
