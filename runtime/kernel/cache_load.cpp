#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/base/read_file.h"
#include "runtime/kernel/cache.h"
#include "runtime/kernel/cache_elf.h"

namespace bitnet {
namespace {

using enum Error::Kind;

constexpr off_t kMostFileBytes = off_t{64} << 20;

// As trusted as an executable: of this user or root, writable by nobody else.
Result<void> check_owner(const struct stat& s) {
  if (!S_ISREG(s.st_mode)) return fail(refused, "not a regular file");
  if (s.st_uid != geteuid() && s.st_uid != 0)
    return fail(refused, "belongs to user {}, wanted {} or root", s.st_uid, geteuid());
  if ((s.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(refused, "mode {:o} lets others write to it", s.st_mode & 07777U);
  if (s.st_size > kMostFileBytes)
    return fail(refused, "{} bytes, a cache has at most {}", s.st_size, kMostFileBytes);
  return {};
}

// The vetted bytes in memory of their own: copied while writable, then each segment read-only or
// read-execute. Nothing stays writable, nothing is ever writable and executable.
class Image {
 public:
  Image() = default;
  Image(Image&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), bytes_(other.bytes_) {}
  Image& operator=(Image&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Image() {
    if (base_ != nullptr) munmap(base_, bytes_);
  }

  static Result<Image> map(std::span<const std::byte> file, const ElfLayout& elf) {
    const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    if (page > elf.page_bytes)
      return fail(refused, "made for pages of {} bytes, this system has {}", elf.page_bytes, page);
    const auto rounded = [page](uint64_t n) { return (n + page - 1) / page * page; };
    Image image;
    const size_t bytes = rounded(elf.image_bytes);
    void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return fail(io, "cannot map {} bytes: {}", bytes, std::strerror(errno));
    image.base_ = static_cast<char*>(base);
    image.bytes_ = bytes;
    for (const ElfSegment& s : elf.segments)
      std::memcpy(image.base_ + s.address, file.data() + s.offset, s.file_bytes);
    __builtin___clear_cache(
        image.base_, image.base_ + bytes);  // AArch64: instructions are fetched past the data cache
    if (mprotect(base, bytes, PROT_READ) != 0)
      return fail(io, "cannot protect the mapping: {}", std::strerror(errno));
    for (const ElfSegment& s : elf.segments) {
      if (!s.executable) continue;
      char* begin = image.base_ + s.address / page * page;
      const size_t length = rounded(s.address % page + s.memory_bytes);
      if (mprotect(begin, length, PROT_READ | PROT_EXEC) != 0)
        return fail(refused, "this system forbids executable mappings: {}", std::strerror(errno));
    }
    return image;
  }
  char* base() const { return base_; }

 private:
  char* base_ = nullptr;
  size_t bytes_ = 0;
};

struct CloseLibrary {
  void operator()(void* handle) const { dlclose(handle); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

// dlopen searches library paths for a name without a slash.
Result<Library> open_library(const std::string& path) {
  const std::string name = path.find('/') == std::string::npos ? "./" + path : path;
  Library library(dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (library == nullptr) return fail(refused, "dlopen: {}", dlerror());
  return library;
}

// The system loader's own names, so that gdb and perf see what runs.
Result<KernelFunctions> symbols_of(const KernelRecord& kernel, void* library) {
  std::string missing;
  const auto symbol = [&]<typename Function>(Function*& function, const char* suffix) {
    const std::string name = kernel.symbol_prefix + suffix;
    function = reinterpret_cast<Function*>(dlsym(library, name.c_str()));
    if (function == nullptr) missing = name;
  };
  KernelFunctions f;
  symbol(f.pack, "_pack");
  symbol(f.prepare, "_prepare");
  symbol(f.run, "_run");
  if (!missing.empty()) return fail(refused, "no symbol {}", missing);
  return f;
}

KernelFunctions functions_of(const KernelRecord& kernel, const ElfLayout& elf, char* base) {
  const auto at = [&]<typename Function>(Function*& function, uint64_t offset) {
    const ElfSegment* segment = elf.executable_at(offset, 1);  // vetted, so there is one
    function = reinterpret_cast<Function*>(base + segment->address + (offset - segment->offset));
  };
  KernelFunctions f;
  at(f.pack, kernel.pack);
  at(f.prepare, kernel.prepare);
  at(f.run, kernel.run);
  return f;
}

// The plan for the nearest thread count, of two equally near ones the first in the file.
const PlanRecord* nearest_plan(const Manifest& manifest, int threads) {
  const PlanRecord* best = nullptr;
  for (const PlanRecord& plan : manifest.plans) {
    const auto distance = [&](const PlanRecord& p) {
      return std::abs(int64_t{p.threads} - threads);
    };
    if (best == nullptr || distance(plan) < distance(*best)) best = &plan;
  }
  return best;
}

// A count of layers changes how much a problem matters, not what its kernel is.
bool same_work(const Problem& a, const Problem& b) {
  return a.kind == b.kind && a.n == b.n && a.k == b.k && a.epilogue == b.epilogue;
}

}  // namespace

struct LoadedCache::State {
  std::string path;
  Machine here;
  Manifest manifest;
  const PlanRecord* plan = nullptr;
  Image image;                             // How::map
  Library library;                         // How::dlopen
  std::vector<KernelFunctions> functions;  // of manifest.kernels
  std::vector<KernelName> names;

  // file: the whole file, read once. These bytes are vetted and these bytes are mapped.
  Result<void> open(std::span<const std::byte> file, const IsaSet& isa, const std::string& shapes,
                    int threads, How how) {
    BITNET_TRY(manifest, vet_cache(file, isa, shapes));
    BITNET_TRY(const ElfLayout elf, vet_elf(file, kArchitecture));
    plan = nearest_plan(manifest, threads);
    if (plan == nullptr) return fail(refused, "holds no plan");
    if (how == How::map) {
      BITNET_TRY(image, Image::map(file, elf));
    } else {
      BITNET_TRY(library, open_library(path));
    }
    for (const KernelRecord& kernel : manifest.kernels) {
      BITNET_TRY(KernelName parsed, parse_kernel_name(kernel.name));
      names.push_back(std::move(parsed));
      if (how == How::map) {
        functions.push_back(functions_of(kernel, elf, image.base()));
      } else {
        BITNET_TRY(KernelFunctions f, symbols_of(kernel, library.get()));
        functions.push_back(f);
      }
    }
    return {};
  }
};

LoadedCache::LoadedCache(std::unique_ptr<State> state) : state_(std::move(state)) {}
LoadedCache::~LoadedCache() = default;

Result<std::unique_ptr<LoadedCache>> LoadedCache::load(const std::string& path, const IsaSet& isa,
                                                       const std::string& shapes, int threads,
                                                       How how, const Machine& machine) {
  BITNET_TRY(const std::vector<std::byte> file, read_file(path, check_owner));
  auto state = std::make_unique<State>();
  state->path = path;
  state->here = machine;
  if (auto opened = state->open(file, isa, shapes, threads, how); !opened)
    return in(path, std::move(opened.error()));
  return std::unique_ptr<LoadedCache>(new LoadedCache(std::move(state)));
}

Result<ProblemKernels> LoadedCache::find(const Problem& problem) const {
  for (const ProblemRecord& record : state_->plan->problems) {
    if (!same_work(record.problem, problem)) continue;
    ProblemKernels found;
    for (const ClassRecord& c : record.classes) {
      const auto index = static_cast<size_t>(c.kernel);
      const KernelRecord& kernel = state_->manifest.kernels[index];
      found.classes.push_back({.m_min = c.m_min,
                               .m_max = c.m_max,
                               .name = state_->names[index],
                               .packing_key = kernel.packing_key,
                               .form = kernel.form,
                               .sizes = kernel.sizes,
                               .functions = state_->functions[index]});
    }
    return found;
  }
  return fail(Error::Kind::not_found, "{}: it has no kernel for {}", state_->path,
              bitnet::describe(problem));
}

std::string LoadedCache::describe() const {
  const Manifest& m = state_->manifest;
  std::string text = fmt::format("tuned kernels of {} ({})", state_->path, m.isa);
  if (!state_->here.cpu.empty() && m.machine.id() != state_->here.id())
    text += fmt::format(", tuned for {}; run bitnet-tune again", m.machine.cpu);
  return text;
}

const Manifest& LoadedCache::manifest() const { return state_->manifest; }
const PlanRecord& LoadedCache::plan() const { return *state_->plan; }

}  // namespace bitnet
