#include "runtime/model/forward.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <functional>

#include "runtime/base/finite.h"
#include "runtime/base/round_up.h"

namespace bitnet {
namespace {

// In double, rounded once to float. An instruction, not libm: correctly rounded on every machine.
float attention_scale(int64_t head_size) {
  return static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(head_size)));
}

AttentionShape attention_shape(const Hparams& h) {
  return {.heads = h.heads,
          .kv_heads = h.kv_heads,
          .head_size = h.head_size,
          .rope_dimensions = h.rope.dimensions,
          .neox = h.graph->rope == RopeKind::neox,
          .scale = attention_scale(h.head_size),
          .norm_epsilon = h.rms_epsilon};
}

const std::unique_ptr<Linear> Layer::* const kLinears[] = {&Layer::qkv, &Layer::output,
                                                           &Layer::gate_up, &Layer::down};

LinearInput make_input(const std::vector<Layer>& layers, int64_t batch, int threads) {
  LinearInput input{
      .capacity = batch, .ld = 0, .x = {}, .scales = {}, .form = {}, .floats = {}, .scratch = {}};
  int64_t form = 0, scratch = 0;
  for (const Layer& layer : layers)
    for (const auto member : kLinears) {
      const Linear& linear = *(layer.*member);
      input.ld = std::max(input.ld, round_up(linear.k(), 64));
      form = std::max(form, linear.form_bytes(batch));
      scratch = std::max(scratch, linear.scratch_bytes());
    }
  input.x = AlignedBuffer(static_cast<size_t>(batch * input.ld));
  // A scale for every 64 activations are the most.
  input.scales = AlignedBuffer(static_cast<size_t>(batch * (input.ld / 64)) * sizeof(float));
  input.form = AlignedBuffer(static_cast<size_t>(form));
  // Untouched where activations are int8, and no memory then.
  input.floats = AlignedBuffer(static_cast<size_t>(batch * input.ld) * sizeof(float));
  for (int thread = 0; thread < threads; ++thread)
    input.scratch.emplace_back(static_cast<size_t>(scratch));
  return input;
}

}  // namespace

Forward::Rows Forward::make_rows(int64_t tokens, int64_t width) {
  const int64_t ld = round_up(width, 16);
  return {ld, AlignedBuffer(static_cast<size_t>(tokens * ld) * sizeof(float))};
}

Forward::Forward(const ModelFile& file, std::vector<Layer> layers, const BnFloatKernels& floats,
                 ThreadPool& pool, int64_t batch)
    : file_(file),
      layers_(std::move(layers)),
      floats_(floats),
      pool_(pool),
      batch_(batch),
      rope_(file.hparams.rope, file.rope_factors, file.rope_factors_long),
      attention_(attention_shape(file.hparams), floats),
      head_(file.head, file.output_norm, file.hparams.rms_epsilon, file.hparams.logit_factor,
            floats, pool.size()),
      input_(make_input(layers_, batch, pool.size())) {
  const Hparams& h = file.hparams;
  x_ = make_rows(batch, h.hidden);
  qkv_ = make_rows(batch, (h.heads + 2 * h.kv_heads) * h.head_size);
  attended_ = make_rows(batch, h.heads * h.head_size);
  gated_ = make_rows(batch, h.feed_forward);
  for (int thread = 0; thread < pool.size(); ++thread) {
    normed_.emplace_back(static_cast<size_t>(input_.ld) * sizeof(float));
    attend_scratch_.emplace_back(static_cast<size_t>(attention_.scratch_bytes()));
  }
}

uint64_t Forward::weight_bytes_per_token() const {
  uint64_t bytes = head_.bytes();
  for (const Layer& layer : layers_)
    for (const auto member : kLinears) bytes += (layer.*member)->bytes_per_token();
  return bytes;
}

Result<void> Forward::evaluate(std::span<const int32_t> ids, std::span<const TokenPlace> places,
                               std::span<const HeadRequest> wants) {
  assert(static_cast<int64_t>(ids.size()) <= batch_ && ids.size() == places.size());
  for (const TokenPlace& place : places) rope_.reach(place.cache->positions(), place.position + 1);
  first_not_finite_ = std::ssize(ids);
  const auto body = [&](int thread) {
    embed(ids, {thread, pool_.size()});
    // feed() divides tokens by groups of a form, so it may read what another thread embedded.
    pool_.barrier(thread);
    for (int64_t i = 0; i < static_cast<int64_t>(layers_.size()); ++i) layer(i, places, thread);
    head_.run(x_.data(), x_.ld, wants, pool_, thread);
  };
  pool_.run(std::ref(body));  // by reference: so large a closure would be copied to the heap
  const int64_t bad = first_not_finite_;
  if (bad == std::ssize(ids)) return {};
  return fail(Error::Kind::invalid, "{}: {}: row {} holds a number that is not finite",
              file_.file.path(), file_.embedding.name, ids[static_cast<size_t>(bad)]);
}

// Of several the first, so that the message does not depend on timing.
void Forward::note_not_finite(int64_t token) {
  int64_t first = first_not_finite_.load();
  while (token < first && !first_not_finite_.compare_exchange_weak(first, token)) {
  }
}

void Forward::embed(std::span<const int32_t> ids, Share who) {
  const FloatMatrix& rows = file_.embedding;
  const float scale = file_.hparams.embedding_scale;
  const Range tokens = share(static_cast<int64_t>(ids.size()), 1, who.threads, who.thread);
  for (int64_t m = tokens.begin; m < tokens.end; ++m) {
    float* x = x_.data() + m * x_.ld;
    floats_.embed(
        static_cast<int32_t>(rows.type),
        reinterpret_cast<const uint8_t*>(rows.rows) + ids[static_cast<size_t>(m)] * rows.row_bytes,
        rows.k, x);
    if (!all_finite({x, static_cast<size_t>(rows.k)})) note_not_finite(m);
    if (scale != 1)
      for (int64_t k = 0; k < rows.k; ++k) x[k] *= scale;
  }
}

void Forward::feed(const Linear& linear, const float* from, int64_t ld, std::span<const float> gain,
                   int64_t tokens, Share who) {
  const Range range = share(tokens, linear.token_group(tokens), who.threads, who.thread);
  if (range.empty()) return;
  float* normed = normed_[static_cast<size_t>(who.thread)].as<float>();
  for (int64_t m = range.begin; m < range.end; ++m) {
    const float* row = from + m * ld;
    if (!gain.empty()) {
      floats_.rms_norm(row, gain.data(), linear.k(), file_.hparams.rms_epsilon, normed);
      row = normed;
    }
    linear.take(row, m, input_);
  }
  linear.prepare(range.begin, range.end, tokens, input_);
}

void Forward::product(const Linear& linear, std::span<const float> gain, const Rows& from, Rows& to,
                      int64_t tokens, int thread) {
  const Share who{thread, pool_.size()};
  feed(linear, from.data(), from.ld, gain, tokens, who);
  pool_.barrier(thread);
  linear.run(tokens, input_, {to.data(), to.ld, file_.hparams.residual_scale}, who);
  pool_.barrier(thread);
}

void Forward::layer(int64_t index, std::span<const TokenPlace> places, int thread) {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const Share who{thread, pool_.size()};
  const auto tokens = static_cast<int64_t>(places.size());

  product(*layer.qkv, layer.attn_norm, x_, qkv_, tokens, thread);
  attention_.store(places, index, qkv_.data(), qkv_.ld, layer.head_norms, rope_, who);
  if (tokens > 1) pool_.barrier(thread);
  attention_.attend(places, index, qkv_.data(), qkv_.ld, attended_.data(), attended_.ld,
                    attend_scratch_[static_cast<size_t>(thread)].as<float>(), who);
  pool_.barrier(thread);
  product(*layer.output, layer.attn_sub_norm, attended_, x_, tokens, thread);
  product(*layer.gate_up, layer.ffn_norm, x_, gated_, tokens, thread);
  product(*layer.down, layer.ffn_sub_norm, gated_, x_, tokens, thread);
}

}  // namespace bitnet
