#include "runtime/model/attention.h"

#include "runtime/threads/pool.h"

namespace bitnet {

void Attention::norm(float* x, int64_t heads, std::span<const float> gain) const {
  if (gain.empty()) return;
  for (int64_t head = 0; head < heads; ++head) {
    float* of_head = x + head * shape_.head_size;
    floats_.rms_norm(of_head, gain.data(), shape_.head_size, shape_.norm_epsilon, of_head);
  }
}

void Attention::store(std::span<const TokenPlace> places, int64_t layer, float* qkv, int64_t ld,
                      const HeadNorms& norms, const RopeTables& rope, Share who) const {
  const AttentionShape& s = shape_;
  const auto tokens = static_cast<int64_t>(places.size());
  // Head by head, so that neighbouring keys, which share cache lines, are mostly one thread's.
  const Range pieces = share(s.kv_heads * tokens, 1, who.threads, who.thread);
  for (int64_t piece = pieces.begin; piece < pieces.end; ++piece) {
    const int64_t head = piece / tokens, m = piece % tokens;
    const TokenPlace& place = places[static_cast<size_t>(m)];
    const RopeTable::Row angles = rope.row(place.cache->positions(), place.position);
    float* q = qkv + m * ld + head * group() * s.head_size;
    float* k = qkv + m * ld + (s.heads + head) * s.head_size;
    const float* v = k + s.kv_heads * s.head_size;
    norm(q, group(), norms.q);
    norm(k, 1, norms.k);
    floats_.rope(q, group(), s.head_size, s.rope_dimensions, s.neox, angles.cos, angles.sin);
    floats_.rope(k, 1, s.head_size, s.rope_dimensions, s.neox, angles.cos, angles.sin);
    floats_.store_k(place.cache->k_type(), k, s.head_size, place.position,
                    place.cache->k(layer, head));
    floats_.store_v(place.cache->v_type(), v, s.head_size, place.position,
                    place.cache->v(layer, head));
  }
}

void Attention::attend(std::span<const TokenPlace> places, int64_t layer, const float* qkv,
                       int64_t ld, float* out, int64_t ldo, float* scratch, Share who) const {
  const AttentionShape& s = shape_;
  const auto tokens = static_cast<int64_t>(places.size());
  const auto one = [&](int64_t head, int64_t m) {
    const TokenPlace& place = places[static_cast<size_t>(m)];
    const BnAttend attend{.q = qkv + m * ld + head * group() * s.head_size,
                          .out = out + m * ldo + head * group() * s.head_size,
                          .group = static_cast<int32_t>(group()),
                          .head_size = static_cast<int32_t>(s.head_size),
                          .scale = s.scale,
                          .k_type = place.cache->k_type(),
                          .v_type = place.cache->v_type(),
                          .keys = place.position + 1,
                          .k = place.cache->k(layer, head),
                          .v = place.cache->v(layer, head),
                          .scratch = scratch};
    floats_.attend(&attend);
  };
  if (tokens == 1) {  // the same division as in store
    const Range heads = share(s.kv_heads, 1, who.threads, who.thread);
    for (int64_t head = heads.begin; head < heads.end; ++head) one(head, 0);
    return;
  }
  // Tokens in turn: later ones see more keys. One head at a time, whose keys and values then stay
  // in the cache.
  for (int64_t head = 0; head < s.kv_heads; ++head)
    for (int64_t m = (head + who.thread) % who.threads; m < tokens; m += who.threads) one(head, m);
}

}  // namespace bitnet
