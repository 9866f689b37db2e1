// Loads a kernel cache: reads the file once, vets those bytes against an allow-list, then maps
// those very bytes read-execute (Loader map) or dlopens the path after vetting (for gdb and perf).
// Vetting prevents accidents, not malice: a cache is as trusted as an executable, so it must belong
// to the user or root and not be writable by others.
//
// Vetting accepts exactly: ELF64 little-endian ET_DYN of this machine; PT_LOAD segments (none
// writable and executable), PT_DYNAMIC, PT_NOTE, PT_GNU_STACK (not executable), PT_GNU_RELRO,
// PT_PHDR, PT_GNU_EH_FRAME; dynamic tags of a list that holds nothing the system loader would act
// on (no NEEDED, INIT, FINI, *_ARRAY, REL*, TEXTREL, AUDIT, ...); the manifest note; a digest over
// the whole file; abi, architecture, ISA level and shapes as asked; entry points inside an
// executable segment's file range.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/cpu/isa.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/manifest.h"

namespace bitnet {

// On the bytes alone; what it returns was proved to lie inside them. Another architecture is for
// the linker of caches, which checks what it made for a foreign CPU.
Result<Manifest> vet_cache(std::span<const std::byte> file, const IsaSet& isa,
                           const std::string& shapes,
                           std::string_view architecture = kArchitecture);

// The digest that the manifest's field must hold (its 32 digits taken as '0'). Used by the linker
// that writes caches.
std::string cache_digest(std::span<const std::byte> file, size_t digest_offset);

class LoadedCache final : public KernelSource {
 public:
  enum class How { map, dlopen };
  // Owner and mode are checked on the open descriptor, not on the name. threads: the plan for the
  // nearest number is used. machine: this one; where the cache was tuned on another, describe()
  // says so (without a cpu name nothing is compared).
  static Result<std::unique_ptr<LoadedCache>> load(const std::string& path, const IsaSet& isa,
                                                   const std::string& shapes, int threads, How how,
                                                   const Machine& machine = {});
  ~LoadedCache() override;
  Result<ProblemKernels> find(const Problem& problem) const override;
  std::string describe() const override;
  const Manifest& manifest() const;
  const PlanRecord& plan() const;

 private:
  struct State;
  explicit LoadedCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bitnet
