#include "runtime/base/output_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "runtime/base/descriptor.h"
#include "runtime/base/read_file.h"
#include "runtime/base/same_file.h"

namespace bitnet {
namespace {

std::optional<struct stat> status_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

Result<std::string> first_bytes(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return fail(Error::Kind::io, "cannot open: {}", std::strerror(errno));
  std::string head(kKindBytes, '\0');
  BITNET_TRY(const size_t got, read_up_to(file, std::as_writable_bytes(std::span(head))));
  head.resize(got);
  return head;
}

Result<void> check_is_no_input(const std::string& path, const struct stat& there,
                               const OutputKind& kind, const OutputPolicy& policy) {
  for (const std::string& input : policy.inputs) {
    const auto read = status_of(input);
    if (read && same_file(*read, there))
      return fail(Error::Kind::invalid,
                  "{}: is an input, and {} would replace it: give another name, or --force", path,
                  kind.name);
  }
  return {};
}

Result<void> check_kind(const std::string& path, const OutputKind& kind) {
  auto head = first_bytes(path);
  if (!head) return in(path, std::move(head.error()));
  if (head->empty() || kind.recognises(*head)) return {};
  return fail(Error::Kind::invalid,
              "{}: found a file that is not {}, which would replace it: give another name, or "
              "--force",
              path, kind.name);
}

// The folder that a new file's name goes into: of a link that of its target.
Result<void> check_folder(const std::string& path) {
  std::error_code none;
  std::filesystem::path target = std::filesystem::read_symlink(path, none);
  target = none ? std::filesystem::path(path) : std::filesystem::path(path).parent_path() / target;
  std::string folder = target.parent_path().string();
  if (folder.empty()) folder = ".";
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return fail(Error::Kind::io, "{}: cannot write in {}: {}", path, folder, std::strerror(errno));
}

}  // namespace

Result<void> check_output(const std::string& path, const OutputKind& kind,
                          const OutputPolicy& policy) {
  const auto there = status_of(path);
  if (there && S_ISDIR(there->st_mode))
    return fail(Error::Kind::io, "{}: a folder, wanted a file to write", path);
  if (there && !S_ISREG(there->st_mode)) return {};
  if (there && !policy.force) {
    BITNET_CHECK(check_is_no_input(path, *there, kind, policy));
    BITNET_CHECK(check_kind(path, kind));
  }
  return check_folder(path);
}

Result<void> check_distinct(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return {};
  const auto there_a = status_of(a), there_b = status_of(b);
  const bool same = there_a && there_b ? S_ISREG(there_a->st_mode) && same_file(*there_a, *there_b)
                                       : std::filesystem::path(a).lexically_normal() ==
                                             std::filesystem::path(b).lexically_normal();
  if (!same) return {};
  return fail(Error::Kind::usage, "{}: wanted two files to write, found one name for both", a);
}

}  // namespace bitnet
