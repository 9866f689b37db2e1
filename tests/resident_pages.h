// Which pages of a range this process holds in memory, for tests of what is given back.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bitnet {

struct Pages {
  int64_t whole = 0;     // that lie in the range from their first byte to their last
  int64_t resident = 0;  // of these
};

// Nothing where the system does not tell (/proc/self/pagemap: 8 bytes a page, bit 63: present).
inline std::optional<Pages> pages_of(std::span<const std::byte> range) {
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) return std::nullopt;
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uint64_t>(range.data());
  std::optional<Pages> pages = Pages{};
  for (uint64_t n = (first + page - 1) / page; (n + 1) * page <= first + range.size(); ++n) {
    uint64_t entry = 0;
    if (::pread(pagemap, &entry, sizeof entry, static_cast<off_t>(n * sizeof entry)) !=
        sizeof entry) {
      pages.reset();
      break;
    }
    ++pages->whole;
    pages->resident += static_cast<int64_t>(entry >> 63U);
  }
  ::close(pagemap);
  return pages;
}

}  // namespace bitnet
