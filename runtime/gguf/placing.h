// Gives every tensor of a file its bytes: inside the data section, apart from every other. Sizes
// are not stored, so the next offset is the only witness of what a type's id means. Three ids have
// more than one meaning:
//   36  I2_S, once something larger elsewhere                                 refused
//   41  Q1_0, or Tencent's two bits a weight with a scale a row               refused
//   42  Q2_0 with 64 weights a scale, or the older files' 128                 both are read
// The last is decided over all tensors of id 42 at once (of a split model: of each part): 18 bytes
// for 64 weights or 34 for 128, a difference that any tensor of 2048 weights shows in spite of the
// padding. Where both layouts fit all of them, or neither does, the file is refused.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"

namespace bitnet {

// What the tensor list says of a tensor's bytes, relative to the data section. `bytes` are those of
// the type that its id means first.
struct Place {
  uint64_t offset, bytes;
  size_t tensor;
};

// Fills in TensorInfo::data, and the type where an id 42 is the older layout. Gives the bytes
// behind the last tensor.
Result<uint64_t> place_tensors(std::vector<TensorInfo>& tensors, std::vector<Place> places,
                               std::span<const std::byte> data, uint64_t alignment);

}  // namespace bitnet
