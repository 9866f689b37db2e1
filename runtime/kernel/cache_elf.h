// The ELF part of vetting a kernel cache: an allow-list over headers, segments, dynamic tags and
// notes. It reads the bytes only, every offset is checked before use, and what it returns was
// proved to lie inside them. Section headers are not looked at: no loader acts on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace bitnet {

// Owner of the note that holds the manifest, with its terminating zero.
constexpr std::string_view kNoteOwner{"BITNET", 7};

struct ElfSegment {  // a PT_LOAD: bytes [offset, offset + file_bytes) of the file at [address, +
                     // memory_bytes)
  uint64_t offset = 0, file_bytes = 0;
  uint64_t address = 0, memory_bytes = 0;
  bool executable = false;
};

struct ElfLayout {
  std::vector<ElfSegment> segments;  // ascending addresses; no two share a page of page_bytes
  uint64_t image_bytes = 0;          // from address 0 to the end of the last segment
  uint64_t page_bytes = 0;           // the largest system page size that it can be mapped with
  size_t note_offset = 0;            // of the manifest's JSON text in the file
  size_t note_bytes = 0;

  // The executable segment that holds `bytes` bytes of the file at `offset`; null where there is
  // none.
  const ElfSegment* executable_at(uint64_t offset, uint64_t bytes) const;
};

// Whether a file that begins so is a cache, of whatever version and however damaged: what a new one
// may replace.
bool looks_like_cache(std::string_view head);

// architecture: "x86_64" or "aarch64".
Result<ElfLayout> vet_elf(std::span<const std::byte> file, std::string_view architecture);

}  // namespace bitnet
