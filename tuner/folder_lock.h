// One process at a time reads, changes and renames the files of a folder: without it two tuners
// that end together each keep their own plan only. The lock lies on the folder itself, so that no
// file is left behind, and goes with the process.
#pragma once

#include <string>

#include "runtime/base/descriptor.h"
#include "runtime/base/result.h"

namespace bitnet::tuner {

class FolderLock {
 public:
  // Waits for whoever holds it. An error where the file system has no locks: what follows is then
  // as safe as without.
  static Result<FolderLock> take(const std::string& folder);

 private:
  explicit FolderLock(Descriptor folder) : folder_(std::move(folder)) {}
  Descriptor folder_;
};

}  // namespace bitnet::tuner
