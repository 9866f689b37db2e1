#include "runtime/base/aligned_buffer.h"

#include <sys/mman.h>

#include <new>

namespace bitnet {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes, Pages pages) : bytes_(bytes) {
  const bool huge = bytes >= kHugePage && pages == Pages::large;
  const size_t mapped = bytes + kTailBytes + (huge ? kHugePage : 0);
  void* base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  const auto address = reinterpret_cast<uintptr_t>(base);
  const size_t offset = huge ? (kHugePage - address % kHugePage) % kHugePage : 0;
  if (huge) madvise(base, mapped, MADV_HUGEPAGE);
  data_ = std::unique_ptr<std::byte, Unmap>{static_cast<std::byte*>(base) + offset,
                                            Unmap{mapped, offset}};
}

void AlignedBuffer::Unmap::operator()(std::byte* data) const {
  munmap(data - offset, mapped_bytes);
}

}  // namespace bitnet
