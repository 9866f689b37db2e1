// All bytes to a descriptor: past interruptions, short writes, and a stream that another program
// made non-blocking.
#pragma once

#include <cstddef>
#include <span>

namespace bitnet {

// 0, or errno.
int write_all(int descriptor, std::span<const std::byte> bytes);

}  // namespace bitnet
