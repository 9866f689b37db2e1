// Files read as a whole, past interruptions and short reads. For model files see mapped_file.h.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/descriptor.h"
#include "runtime/base/result.h"

namespace bitnet {

// What a file must be before it is read, asked of the open file and not of its name. The message
// names no path.
using FileCheck = Result<void> (*)(const struct stat&);
Result<void> check_regular(const struct stat& status);

// All bytes of a file, which `check` has accepted. A FIFO is not waited for.
Result<std::vector<std::byte>> read_file(const std::string& path, FileCheck check = check_regular);

// How many bytes there were: fewer than wanted only at the end of the file. The message names no
// path.
Result<size_t> read_up_to(const Descriptor& file, std::span<std::byte> bytes);

}  // namespace bitnet
