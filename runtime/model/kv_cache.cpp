#include "runtime/model/kv_cache.h"

#include <new>

namespace bitnet {

Result<KvCache> KvCache::make(const KvShape& shape) {
  constexpr int64_t kBlock = 256;  // attention reads whole blocks of keys
  const int64_t element = shape.type == BN_KV_F32 ? 4 : 2;
  KvCache cache;
  cache.shape_ = shape;
  int64_t bytes = 0, positions = 0;
  const bool overflow =
      __builtin_add_overflow(shape.positions, kBlock - 1, &positions) ||
      __builtin_mul_overflow(positions / kBlock * kBlock, shape.head_size * element,
                             &cache.plane_bytes_) ||
      __builtin_mul_overflow(cache.plane_bytes_, 2 * shape.layers * shape.kv_heads, &bytes);
  if (overflow)
    return fail(Error::Kind::unsupported, "context of {} tokens: its size overflows",
                shape.positions);
  try {
    cache.buffer_ = AlignedBuffer(static_cast<size_t>(bytes), AlignedBuffer::Pages::small);
  } catch (const std::bad_alloc&) {
    return fail(Error::Kind::io, "context of {} tokens: no {} MB of memory for keys and values",
                shape.positions, bytes >> 20);
  }
  return cache;
}

}  // namespace bitnet
