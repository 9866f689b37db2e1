#include "runtime/model/kv_cache.h"

#include <new>

namespace bitnet {
namespace {

int64_t element_bytes(BnKvType type) { return type == BN_KV_F32 ? 4 : 2; }

}  // namespace

Result<KvCache> KvCache::make(const KvShape& shape) {
  constexpr int64_t kBlock = 256;  // attention reads whole blocks of keys
  KvCache cache;
  cache.shape_ = shape;
  int64_t bytes = 0, positions = 0;
  const auto plane_overflows = [&](BnKvType type, int64_t* plane) {
    return __builtin_mul_overflow(positions / kBlock * kBlock,
                                  shape.head_size * element_bytes(type), plane);
  };
  const bool overflow = __builtin_add_overflow(shape.positions, kBlock - 1, &positions) ||
                        plane_overflows(shape.k_type, &cache.k_bytes_) ||
                        plane_overflows(shape.v_type, &cache.v_bytes_) ||
                        __builtin_add_overflow(cache.k_bytes_, cache.v_bytes_, &bytes) ||
                        __builtin_mul_overflow(bytes, shape.layers * shape.kv_heads, &bytes);
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
