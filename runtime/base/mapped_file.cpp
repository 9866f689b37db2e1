#include "runtime/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <utility>

#include "runtime/base/descriptor.h"

namespace bitnet {

// What the signal handler needs to know of a mapping; its address is stable while the MappedFile
// moves about.
struct MappedFile::Mapping {
  const std::byte* data = nullptr;
  size_t bytes = 0;
  std::string path;
};

namespace {

using Slot = std::atomic<const MappedFile::Mapping*>;
static_assert(Slot::is_always_lock_free);  // read in a signal handler

// A mutable global, because a signal handler receives no other context. A mapping that finds no
// free slot works all the same, without the guard's message.
std::array<Slot, 64> guarded;

void guard(const MappedFile::Mapping* mapping) {
  for (Slot& slot : guarded) {
    const MappedFile::Mapping* empty = nullptr;
    if (slot.compare_exchange_strong(empty, mapping)) return;
  }
}

void unguard(const MappedFile::Mapping* mapping) {
  for (Slot& slot : guarded) {
    const MappedFile::Mapping* expected = mapping;
    if (slot.compare_exchange_strong(expected, nullptr)) return;
  }
}

void print(const char* text, size_t bytes) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text, bytes);
}

// Async-signal-safe: loads of lock-free atomics, write and _exit.
void on_bus_error(int signal, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  const bool is_access = info->si_code > 0;  // else a process sent it, and si_addr means nothing
  for (const Slot& slot : guarded) {
    const MappedFile::Mapping* mapping = slot.load();
    if (!is_access || mapping == nullptr) continue;
    const auto begin = reinterpret_cast<uintptr_t>(mapping->data);
    if (address < begin || address - begin >= mapping->bytes) continue;
    constexpr char kBefore[] = "error: ", kAfter[] = ": file was truncated while in use\n";
    print(kBefore, sizeof kBefore - 1);
    print(mapping->path.data(), mapping->path.size());
    print(kAfter, sizeof kAfter - 1);
    ::_exit(1);
  }
  // Not ours: ends the process as usual, once this handler returns and the signal is not blocked.
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const auto refuse = [&](const char* what) {
    const auto kind = errno == ENOENT ? Error::Kind::not_found : Error::Kind::io;
    return fail(kind, "{}: {}: {}", path, what, std::strerror(errno));
  };
  // Non-blocking: a FIFO would wait for its writer here, and is refused below.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor.is_open()) return refuse("cannot open");
  struct stat status{};
  if (::fstat(descriptor.get(), &status) != 0) return refuse("cannot read its size");
  if (!S_ISREG(status.st_mode)) return fail(Error::Kind::io, "{}: not a regular file", path);

  MappedFile file;
  file.mapping_ =
      std::make_unique<Mapping>(Mapping{nullptr, static_cast<size_t>(status.st_size), path});
  Mapping& mapping = *file.mapping_;
  if (mapping.bytes == 0) return file;  // mmap refuses length 0
  void* data = ::mmap(nullptr, mapping.bytes, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (data == MAP_FAILED) return refuse("cannot map");
  mapping.data = static_cast<const std::byte*>(data);
  guard(&mapping);
  return file;
}

MappedFile::MappedFile() = default;
MappedFile::MappedFile(MappedFile&& other) noexcept = default;
MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  return *this;
}

MappedFile::~MappedFile() {
  if (mapping_ == nullptr || mapping_->data == nullptr) return;
  unguard(mapping_.get());
  ::munmap(const_cast<std::byte*>(mapping_->data), mapping_->bytes);
}

std::span<const std::byte> MappedFile::bytes() const {
  return mapping_ ? std::span(mapping_->data, mapping_->bytes) : std::span<const std::byte>();
}

const std::string& MappedFile::path() const {
  static const std::string kNone;
  return mapping_ ? mapping_->path : kNone;
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (mapping_ == nullptr || part.empty()) return;
  const auto base = reinterpret_cast<uintptr_t>(mapping_->data);
  const auto first = reinterpret_cast<uintptr_t>(part.data());
  if (first < base || first - base > mapping_->bytes ||
      part.size() > mapping_->bytes - (first - base))
    return;
  // Inwards: what else lies on the pages at both ends may be in use.
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (first + page - 1) / page * page,
                  end = (first + part.size()) / page * page;
  if (begin >= end) return;
  // A hint: where it is refused, nothing is lost but memory.
  ::madvise(const_cast<std::byte*>(mapping_->data) + (begin - base), end - begin, MADV_DONTNEED);
}

void install_truncation_guard() {
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace bitnet
