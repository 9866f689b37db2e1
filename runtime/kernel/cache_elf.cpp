#include "runtime/kernel/cache_elf.h"

#include <elf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace bitnet {
namespace {

using enum Error::Kind;

constexpr uint64_t kMostImageBytes = uint64_t{1} << 28;
constexpr uint64_t kSmallestPage = 4096, kLargestPage = 65536;
constexpr size_t kMostSegments = 16;
constexpr size_t kMostDynamicTags = 64;
constexpr uint32_t kNoteType = 1;

// Whether [offset, offset + bytes) lies inside [0, total); no sum that could overflow.
bool inside(uint64_t offset, uint64_t bytes, uint64_t total) {
  return offset <= total && bytes <= total - offset;
}

template <typename T>
T read_at(std::span<const std::byte> file, uint64_t offset) {  // the caller has checked the range
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

uint16_t machine_of(std::string_view architecture) {
  return architecture == "x86_64" ? EM_X86_64 : architecture == "aarch64" ? EM_AARCH64 : EM_NONE;
}

std::string_view segment_name(uint32_t type) {
  switch (type) {
    case PT_INTERP:
      return "PT_INTERP";
    case PT_TLS:
      return "PT_TLS";
    case PT_SHLIB:
      return "PT_SHLIB";
    case PT_GNU_PROPERTY:
      return "PT_GNU_PROPERTY";
    default:
      return "";
  }
}

// What a dynamic tag would make a system loader do, for the message.
std::string_view tag_name(int64_t tag) {
  switch (tag) {
    case DT_NEEDED:
      return "DT_NEEDED (a library)";
    case DT_INIT:
      return "DT_INIT (a constructor)";
    case DT_FINI:
      return "DT_FINI (a destructor)";
    case DT_INIT_ARRAY:
      return "DT_INIT_ARRAY (a constructor)";
    case DT_FINI_ARRAY:
      return "DT_FINI_ARRAY (a destructor)";
    case DT_PREINIT_ARRAY:
      return "DT_PREINIT_ARRAY (a constructor)";
    case DT_REL:
      return "DT_REL (relocations)";
    case DT_RELA:
      return "DT_RELA (relocations)";
    case DT_RELR:
      return "DT_RELR (relocations)";
    case DT_JMPREL:
      return "DT_JMPREL (relocations)";
    case DT_TEXTREL:
      return "DT_TEXTREL (relocations of code)";
    case DT_RPATH:
      return "DT_RPATH";
    case DT_RUNPATH:
      return "DT_RUNPATH";
    case DT_AUDIT:
      return "DT_AUDIT";
    case DT_DEPAUDIT:
      return "DT_DEPAUDIT";
    case DT_FILTER:
      return "DT_FILTER";
    case DT_AUXILIARY:
      return "DT_AUXILIARY";
    default:
      return "";
  }
}

using Segments = std::vector<Elf64_Phdr>;

Result<Segments> headers_of(std::span<const std::byte> file, std::string_view architecture) {
  if (file.size() < sizeof(Elf64_Ehdr))
    return fail(refused, "{} bytes, too short for an ELF header", file.size());
  const auto h = read_at<Elf64_Ehdr>(file, 0);
  if (std::memcmp(h.e_ident, ELFMAG, SELFMAG) != 0) return fail(refused, "not an ELF file");
  if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
      h.e_ident[EI_VERSION] != EV_CURRENT || h.e_version != EV_CURRENT)
    return fail(refused, "not a 64-bit little-endian ELF file of version 1");
  if (h.e_type != ET_DYN)
    return fail(refused, "ELF type {}, wanted {} (shared object)", h.e_type, ET_DYN);
  if (h.e_machine != machine_of(architecture))
    return fail(refused, "made for another architecture: ELF machine {}, wanted {} ({})",
                h.e_machine, machine_of(architecture), architecture);
  if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 || h.e_phnum > kMostSegments)
    return fail(refused, "{} program headers of {} bytes, wanted 1..{} of {}", h.e_phnum,
                h.e_phentsize, kMostSegments, sizeof(Elf64_Phdr));
  if (!inside(h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr), file.size()))
    return fail(refused, "program headers lie outside the file");
  Segments headers;
  for (size_t i = 0; i < h.e_phnum; ++i)
    headers.push_back(read_at<Elf64_Phdr>(file, h.e_phoff + i * sizeof(Elf64_Phdr)));
  return headers;
}

bool in_one(const Segments& loads, uint64_t address, uint64_t bytes) {
  return std::ranges::any_of(loads, [&](const Elf64_Phdr& p) {
    return address >= p.p_vaddr && inside(address - p.p_vaddr, bytes, p.p_memsz);
  });
}

Result<void> vet_tag(const Elf64_Dyn& entry, const Segments& loads) {
  switch (entry.d_tag) {
    case DT_SONAME:  // an offset into the string table
    case DT_STRSZ:
    case DT_SYMENT:
      return {};
    case DT_GNU_HASH:
    case DT_STRTAB:
    case DT_SYMTAB:
      if (in_one(loads, entry.d_un.d_ptr, 1)) return {};
      return fail(refused, "dynamic tag 0x{:x} points outside the segments", entry.d_tag);
    case DT_FLAGS:
      if (entry.d_un.d_val == DF_BIND_NOW) return {};
      return fail(refused, "DT_FLAGS 0x{:x}", entry.d_un.d_val);
    case DT_FLAGS_1:
      if (entry.d_un.d_val == DF_1_NOW) return {};
      return fail(refused, "DT_FLAGS_1 0x{:x}", entry.d_un.d_val);
    default:
      return fail(refused, "dynamic tag 0x{:x} {}", static_cast<uint64_t>(entry.d_tag),
                  tag_name(entry.d_tag));
  }
}

// Fills in where the manifest lies.
Result<void> find_note(std::span<const std::byte> file, const Segments& notes, ElfLayout& layout) {
  for (const Elf64_Phdr& p : notes) {
    const uint64_t end = p.p_offset + p.p_filesz;
    for (uint64_t at = p.p_offset; inside(at, sizeof(Elf64_Nhdr), end);) {
      const auto h = read_at<Elf64_Nhdr>(file, at);
      const uint64_t name = at + sizeof h;
      const uint64_t text = name + (uint64_t{h.n_namesz} + 3) / 4 * 4;
      if (!inside(text, h.n_descsz, end)) return fail(refused, "a note lies outside its segment");
      const bool ours = h.n_type == kNoteType && h.n_namesz == kNoteOwner.size() &&
                        std::memcmp(file.data() + name, kNoteOwner.data(), kNoteOwner.size()) == 0;
      if (ours && layout.note_bytes != 0) return fail(refused, "more than one manifest note");
      if (ours) {
        layout.note_offset = text;
        layout.note_bytes = h.n_descsz;
      }
      at = text + (uint64_t{h.n_descsz} + 3) / 4 * 4;
    }
  }
  if (layout.note_bytes == 0) return fail(refused, "no manifest note: not a kernel cache");
  return {};
}

class ElfVet {
 public:
  ElfVet(std::span<const std::byte> file, std::string_view architecture)
      : file_(file), architecture_(architecture) {}

  Result<ElfLayout> run() {
    BITNET_TRY(const Segments headers, headers_of(file_, architecture_));
    for (const Elf64_Phdr& p : headers) BITNET_CHECK(segment(p));
    BITNET_CHECK(loads());
    BITNET_CHECK(relro());
    BITNET_CHECK(dynamic());
    BITNET_CHECK(find_note(file_, notes_, layout_));
    if (!stack_) return fail(refused, "no PT_GNU_STACK segment: the stack would become executable");
    return std::move(layout_);
  }

 private:
  // Each header by itself; what they mean together comes after.
  Result<void> segment(const Elf64_Phdr& p) {
    if (p.p_type != PT_GNU_STACK && !inside(p.p_offset, p.p_filesz, file_.size()))
      return fail(refused, "segment at offset {} of {} bytes lies outside the file of {} bytes",
                  p.p_offset, p.p_filesz, file_.size());
    switch (p.p_type) {
      case PT_LOAD:
        loads_.push_back(p);
        return {};
      case PT_DYNAMIC:
        return only(dynamic_, p, "PT_DYNAMIC");
      case PT_GNU_RELRO:
        return only(relro_, p, "PT_GNU_RELRO");
      case PT_GNU_STACK:
        if ((p.p_flags & PF_X) != 0) return fail(refused, "asks for an executable stack");
        return only(stack_, p, "PT_GNU_STACK");
      case PT_NOTE:
        notes_.push_back(p);
        return {};
      case PT_PHDR:
      case PT_GNU_EH_FRAME:
        return {};
      default:
        return fail(refused, "segment of type 0x{:x} {}", p.p_type, segment_name(p.p_type));
    }
  }

  static Result<void> only(std::optional<Elf64_Phdr>& slot, const Elf64_Phdr& p,
                           std::string_view what) {
    if (slot) return fail(refused, "more than one {} segment", what);
    slot = p;
    return {};
  }

  Result<void> loads() {
    if (loads_.empty()) return fail(refused, "no PT_LOAD segment");
    uint64_t page = kLargestPage;
    for (const Elf64_Phdr& p : loads_) {
      if (!std::has_single_bit(p.p_align) || p.p_align < kSmallestPage || p.p_align > kLargestPage)
        return fail(refused, "segment alignment {}, wanted a power of two in {}..{}", p.p_align,
                    kSmallestPage, kLargestPage);
      page = std::min(page, p.p_align);
    }
    uint64_t end = 0, file_end = 0;  // of the segments before
    for (const Elf64_Phdr& p : loads_) {
      if ((p.p_flags & ~uint32_t{PF_R | PF_W | PF_X}) != 0 || (p.p_flags & PF_R) == 0)
        return fail(refused, "segment with flags 0x{:x}", p.p_flags);
      if ((p.p_flags & PF_W) != 0 && (p.p_flags & PF_X) != 0)
        return fail(refused, "segment at offset {} is writable and executable", p.p_offset);
      if (!inside(p.p_vaddr, p.p_memsz, kMostImageBytes) || p.p_filesz > p.p_memsz)
        return fail(refused, "segment at offset {}: {} bytes at address 0x{:x} from {} in the file",
                    p.p_offset, p.p_memsz, p.p_vaddr, p.p_filesz);
      if (p.p_vaddr % p.p_align != p.p_offset % p.p_align)
        return fail(refused, "segment at offset {} cannot be mapped at address 0x{:x}", p.p_offset,
                    p.p_vaddr);
      // No two segments share a page in memory or a byte in the file.
      if (p.p_vaddr < end || p.p_vaddr / page * page < end || p.p_offset < file_end)
        return fail(refused, "segments overlap at address 0x{:x}, file offset {}", p.p_vaddr,
                    p.p_offset);
      end = p.p_vaddr + p.p_memsz;
      file_end = p.p_offset + p.p_filesz;
      layout_.segments.push_back({.offset = p.p_offset,
                                  .file_bytes = p.p_filesz,
                                  .address = p.p_vaddr,
                                  .memory_bytes = p.p_memsz,
                                  .executable = (p.p_flags & PF_X) != 0});
    }
    layout_.image_bytes = end;
    layout_.page_bytes = page;
    return {};
  }

  // Kernels have no data of their own: what is writable must be what the system loader makes
  // read-only again.
  Result<void> relro() {
    for (const Elf64_Phdr& p : loads_) {
      if ((p.p_flags & PF_W) == 0) continue;
      if (!relro_ || p.p_vaddr < relro_->p_vaddr ||
          !inside(p.p_vaddr - relro_->p_vaddr, p.p_filesz, relro_->p_memsz))
        return fail(refused, "segment at offset {} stays writable", p.p_offset);
    }
    if (relro_ && !in_one(loads_, relro_->p_vaddr, relro_->p_filesz))
      return fail(refused, "PT_GNU_RELRO lies outside the segments");
    return {};
  }

  Result<void> dynamic() {
    if (!dynamic_) return {};
    const Elf64_Phdr& d = *dynamic_;
    // The system loader reads it through its address, we through its offset: they must be the same
    // bytes.
    const bool same = std::ranges::any_of(loads_, [&](const Elf64_Phdr& p) {
      return d.p_vaddr >= p.p_vaddr && inside(d.p_vaddr - p.p_vaddr, d.p_filesz, p.p_filesz) &&
             d.p_offset == p.p_offset + (d.p_vaddr - p.p_vaddr);
    });
    if (!same) return fail(refused, "PT_DYNAMIC lies outside the segments");
    const uint64_t count = d.p_filesz / sizeof(Elf64_Dyn);
    for (uint64_t i = 0; i < std::min<uint64_t>(count, kMostDynamicTags); ++i) {
      const auto entry = read_at<Elf64_Dyn>(file_, d.p_offset + i * sizeof(Elf64_Dyn));
      if (entry.d_tag == DT_NULL) return {};
      BITNET_CHECK(vet_tag(entry, loads_));
    }
    return fail(refused, "dynamic section has no end");
  }

  std::span<const std::byte> file_;
  std::string_view architecture_;
  Segments loads_, notes_;
  std::optional<Elf64_Phdr> dynamic_, relro_, stack_;
  ElfLayout layout_;
};

}  // namespace

bool looks_like_cache(std::string_view head) {
  return head.starts_with("\x7f" "ELF") && head.find(kNoteOwner) != head.npos;
}

const ElfSegment* ElfLayout::executable_at(uint64_t offset, uint64_t bytes) const {
  for (const ElfSegment& s : segments) {
    if (s.executable && offset >= s.offset && inside(offset - s.offset, bytes, s.file_bytes))
      return &s;
  }
  return nullptr;
}

Result<ElfLayout> vet_elf(std::span<const std::byte> file, std::string_view architecture) {
  return ElfVet(file, architecture).run();
}

}  // namespace bitnet
