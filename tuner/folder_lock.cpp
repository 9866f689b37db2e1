#include "tuner/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

namespace bitnet::tuner {

Result<FolderLock> FolderLock::take(const std::string& folder) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.is_open())
    return fail(Error::Kind::io, "{}: cannot lock: {}", folder, std::strerror(errno));
  while (::flock(descriptor.get(), LOCK_EX) != 0)
    if (errno != EINTR)
      return fail(Error::Kind::io, "{}: cannot lock: {}", folder, std::strerror(errno));
  return FolderLock(std::move(descriptor));
}

}  // namespace bitnet::tuner
