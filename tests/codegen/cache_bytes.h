// The bytes of a good kernel cache, and ways to change them. Whatever is changed without a new
// digest is damage and refused as such; whatever is changed with one must be refused by the
// allow-list, or do no harm. Vetting maps and executes nothing.
#pragma once

#include <elf.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "runtime/kernel/cache_elf.h"
#include "tests/codegen/fixture.h"

namespace bitnet::codegen {

using Bytes = std::vector<std::byte>;

inline const Bytes& good_cache() {
  static const Bytes cache = leaf_cache();
  return cache;
}

inline Result<Manifest> vet(const Bytes& file) { return vet_cache(file, IsaSet(), kLeafShapes); }

inline std::string_view text_of(const Bytes& file) {
  return {reinterpret_cast<const char*>(file.data()), file.size()};
}

// Gives a changed cache the digest that fits it.
inline void seal(Bytes& file) {
  const size_t place = text_of(file).find("\"digest\": \"") + 11;
  const std::string digest = cache_digest(file, place);
  std::memcpy(file.data() + place, digest.data(), digest.size());
}

template <typename T>
T& at(Bytes& file, uint64_t offset) {
  return *reinterpret_cast<T*>(file.data() + offset);
}
inline Elf64_Ehdr& header(Bytes& file) { return at<Elf64_Ehdr>(file, 0); }
inline Elf64_Phdr& segment(Bytes& file, uint32_t type, int skip = 0) {
  for (size_t i = 0; i < header(file).e_phnum; ++i) {
    auto& p = at<Elf64_Phdr>(file, header(file).e_phoff + i * sizeof(Elf64_Phdr));
    if (p.p_type == type && skip-- == 0) return p;
  }
  ADD_FAILURE() << "no segment of type " << type;
  return at<Elf64_Phdr>(file, header(file).e_phoff);
}
inline Elf64_Phdr& code(Bytes& file) { return segment(file, PT_LOAD, 1); }
inline Elf64_Phdr& data(Bytes& file) { return segment(file, PT_LOAD, 2); }
inline Elf64_Dyn& tag(Bytes& file, int64_t wanted) {
  uint64_t offset = segment(file, PT_DYNAMIC).p_offset;
  while (at<Elf64_Dyn>(file, offset).d_tag != wanted &&
         at<Elf64_Dyn>(file, offset).d_tag != DT_NULL)
    offset += sizeof(Elf64_Dyn);
  EXPECT_EQ(at<Elf64_Dyn>(file, offset).d_tag, wanted);
  return at<Elf64_Dyn>(file, offset);
}

// The manifest changed in place; what is left of its room is filled with spaces.
inline void edit(Bytes& file, const std::function<void(Manifest&)>& change) {
  const auto layout = vet_elf(file, kArchitecture);
  ASSERT_TRUE(layout);
  auto manifest = parse_manifest(text_of(file).substr(layout->note_offset, layout->note_bytes));
  ASSERT_TRUE(manifest);
  change(*manifest);
  std::string json = to_json(*manifest);
  ASSERT_LE(json.size(), layout->note_bytes);
  json.resize(layout->note_bytes, ' ');
  std::memcpy(file.data() + layout->note_offset, json.data(), json.size());
}

}  // namespace bitnet::codegen
