#include "tools/synth/synth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "runtime/base/atomic_file.h"
#include "runtime/base/half.h"
#include "runtime/model/architecture.h"
#include "tools/gguf_writer.h"
#include "tools/synth/encode.h"
#include "tools/synth/random.h"
#include "tools/synth/ternary_rows.h"
#include "tools/synth/vocabulary.h"

namespace bitnet::synth {
namespace {

// Rows are made in groups of this many: whole blocks of every type, and small enough for a cache.
constexpr int64_t kRowStep = 128;

enum class Content : uint8_t { trits, embedding, norm, rope_factors };

struct Plan {
  std::string name;
  Content content;
  GgmlType type;
  int64_t n, k;
  uint64_t bytes = 0;
  int64_t group = 0;  // of trits: see Options
};

uint32_t u32(int64_t value) { return static_cast<uint32_t>(value); }

uint32_t file_type(GgmlType type) {  // general.file_type
  switch (type) {
    case GgmlType::tq1_0:
      return 36;
    case GgmlType::tq2_0:
      return 37;
    case GgmlType::q2_0:
    case GgmlType::q2_0_g128:
      return 41;
    case GgmlType::pq2_0:
      return 141;
    case GgmlType::ptq1_0:
      return 143;
    default:  // I2_S, and Q1_0
      return 40;
  }
}

constexpr const char *kLongFactors = "rope_factors_long.weight",
                     *kShortFactors = "rope_factors_short.weight";

std::vector<Plan> plan_tensors(const Shape& s, const Architecture& graph, GgmlType linear,
                               GgmlType head) {
  const LinearShapes shapes = s.linear_shapes();
  std::vector<Plan> out;
  const auto norm = [&](const std::string& name, int64_t k) {
    out.push_back({name, Content::norm, GgmlType::f32, 1, k});
  };
  const auto matrix = [&](const std::string& name, int64_t n, int64_t k) {
    out.push_back({name, Content::trits, linear, n, k});
  };
  out.push_back({"token_embd.weight", Content::embedding, head, s.vocabulary, s.hidden});
  for (int64_t i = 0; i < s.layers; ++i) {
    const auto full = [&](std::string_view name) {
      return fmt::format("blk.{}.{}.weight", i, name);
    };
    for (const ProductDescription& product : graph.products) {
      if (!product.norm.name.empty()) norm(full(product.norm.name), shapes.*product.columns);
      for (const MatrixDescription& m : product.matrices)
        matrix(full(m.name), shapes.*m.rows, shapes.*product.columns);
    }
    for (const NormDescription& head_norm : graph.head_norms)
      norm(full(head_norm.name), s.head_size);
  }
  if (s.rope_scaling.stretch == RopeStretch::longrope)
    for (const char* name : {kLongFactors, kShortFactors})
      out.push_back({name, Content::rope_factors, GgmlType::f32, 1, s.head_size / 2});
  norm("output_norm.weight", s.hidden);
  if (!s.tied_head)
    out.push_back({"output.weight", Content::embedding, head, s.vocabulary, s.hidden});
  return out;
}

using Own = std::function<std::string(std::string_view)>;  // a key of the architecture

void set_rope_scaling(GgufWriter& writer, const Own& own, const RopeScaling& scaling) {
  if (scaling.stretch == RopeStretch::none) return;
  writer.set(own("rope.scaling.type"), name(scaling.stretch));
  if (scaling.stretch != RopeStretch::longrope)
    writer.set(own("rope.scaling.factor"), static_cast<float>(scaling.factor));
  writer.set(own("rope.scaling.original_context_length"), u32(scaling.original_context));
}

// As llama.cpp's converter writes them for MiniCPM.
void set_scales(GgufWriter& writer, const Own& own, const ScaleDefaults& scales, const Shape& s) {
  const double root = std::sqrt(static_cast<double>(s.layers));
  writer.set(own("embedding_scale"), static_cast<float>(scales.embedding));
  writer.set(own("residual_scale"), static_cast<float>(scales.depth / root));
  writer.set(own("logit_scale"), static_cast<float>(static_cast<double>(s.hidden) / scales.base));
}

void set_metadata(GgufWriter& writer, const Shape& s, const Architecture& graph, GgmlType linear) {
  const Own own = [&](std::string_view key) { return fmt::format("{}.{}", s.architecture, key); };
  writer.set("general.architecture", s.architecture);
  writer.set("general.name", fmt::format("synthetic-{}", s.name));
  writer.set("general.file_type", file_type(linear));
  writer.set("general.quantization_version", 2U);
  writer.set(own("vocab_size"), u32(s.vocabulary));
  writer.set(own("context_length"), u32(s.context));
  writer.set(own("embedding_length"), u32(s.hidden));
  writer.set(own("block_count"), u32(s.layers));
  writer.set(own("feed_forward_length"), u32(s.feed_forward));
  writer.set(own("rope.dimension_count"), u32(s.head_size));
  writer.set(own("rope.freq_base"), s.rope_base);
  writer.set(own("attention.head_count"), u32(s.heads));
  writer.set(own("attention.head_count_kv"), u32(s.kv_heads));
  if (s.head_size * s.heads != s.hidden || !graph.head_norms.empty()) {
    writer.set(own("attention.key_length"), u32(s.head_size));
    writer.set(own("attention.value_length"), u32(s.head_size));
  }
  writer.set(own("attention.layer_norm_rms_epsilon"), s.rms_epsilon);
  set_rope_scaling(writer, own, s.rope_scaling);
  if (graph.scales) set_scales(writer, own, *graph.scales, s);

  const Vocabulary vocabulary = make_vocabulary(s.vocabulary);
  writer.set("tokenizer.ggml.model", "gpt2");
  writer.set("tokenizer.ggml.pre", "llama-bpe");
  writer.set("tokenizer.ggml.tokens", vocabulary.tokens);
  writer.set("tokenizer.ggml.token_type", vocabulary.kinds);
  writer.set("tokenizer.ggml.merges", vocabulary.merges);
  writer.set("tokenizer.ggml.bos_token_id", vocabulary.bos);
  writer.set("tokenizer.ggml.eos_token_id", vocabulary.eos);
  writer.set("tokenizer.ggml.eot_token_id", vocabulary.eot);
  writer.set("tokenizer.ggml.add_bos_token", false);
}

// Activations are near 1 after a norm, so a scale of 1/sqrt(K * P(not 0)) keeps outputs near 1.
// Exact in F16, so that every type stores the same number; different from matrix to matrix, so that
// none can stand for another.
float weight_scale(uint64_t seed, const Plan& tensor) {
  RandomStream random(seed, tensor.name, -1);
  const float plain = 1.0F / std::sqrt(0.6F * static_cast<float>(tensor.k));
  return float_from_half(half_from_float(plain * (0.8F + 0.4F * random.uniform())));
}

// Embedding and head are ternary where their type is.
Result<void> choose_group(Plan& tensor, const Options& options) {
  if (!traits(tensor.type).ternary) return {};
  tensor.content = Content::trits;
  tensor.group = options.group > 0 ? options.group : default_group(tensor.type);
  return check_group(tensor.type, tensor.group, tensor.k);
}

// From 1 for the fastest pair to `last` for the slowest: different from pair to pair and from one
// list to the other.
void rope_factors(float last, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = 1 + (last - 1) * static_cast<float>(i) / static_cast<float>(out.size());
}

class Stream {
 public:
  Stream(AtomicFile& file, const Options& options, uint64_t total_bytes, ThreadPool& pool)
      : file_(file),
        options_(options),
        total_bytes_(total_bytes),
        pool_(pool),
        made_(static_cast<size_t>(pool.size())) {}

  Result<void> write(const Plan& tensor) {
    const float scale =
        tensor.content == Content::trits ? weight_scale(options_.seed, tensor) : 0.0F;
    const int64_t batch = kRowStep * pool_.size();
    for (int64_t row = 0; row < tensor.n; row += batch) {
      if (options_.stop != nullptr && options_.stop->load())
        return fail(Error::Kind::interrupted, "interrupted");
      pool_.run([&](int thread) {
        const int64_t first = row + thread * kRowStep;
        make_rows(tensor, scale, std::min(first, tensor.n), std::min(first + kRowStep, tensor.n),
                  made_[static_cast<size_t>(thread)]);
      });
      for (const Made& made : made_) BITNET_CHECK(file_.write(made.bytes));
      if (options_.progress) options_.progress(file_.bytes_written(), total_bytes_);
    }
    // I2_S: one scale behind all blocks. Then whatever is missing up to the next tensor.
    std::array<std::byte, kI2sBytes + GgufWriter::kAlignment> tail{};
    std::memcpy(tail.data(), &scale, sizeof scale);
    const uint64_t padding = GgufWriter::padded(tensor.bytes) - tensor.bytes;
    if (tensor.type == GgmlType::i2_s)
      return file_.write(std::span(tail).first(kI2sBytes + padding));
    return file_.write(std::span(tail).last(padding));
  }

 private:
  struct Made {
    RowBuffers ternary;
    std::vector<float> floats;
    std::vector<std::byte> bytes;
  };

  void make_rows(const Plan& tensor, float scale, int64_t n0, int64_t n1, Made& made) const {
    const auto k = static_cast<size_t>(tensor.k), rows = static_cast<size_t>(n1 - n0);
    if (tensor.content == Content::trits) {
      const TernaryTensor ternary{tensor.name, tensor.type, tensor.k, scale, tensor.group};
      return make_ternary_rows(ternary, options_.seed, n0, n1, made.ternary, made.bytes);
    }
    const auto row_bytes = static_cast<size_t>(encoded_bytes(tensor.type, tensor.k));
    made.floats.resize(k);
    made.bytes.resize(rows * row_bytes);
    for (size_t r = 0; r < rows; ++r) {
      RandomStream random(options_.seed, tensor.name, n0 + static_cast<int64_t>(r));
      if (tensor.content == Content::embedding)
        random_row(random, tensor.k, made.floats.data());
      else if (tensor.content == Content::rope_factors)
        rope_factors(tensor.name == kLongFactors ? 8.0F : 1.25F, made.floats);
      else
        for (float& value : made.floats) value = 1.0F + 0.1F * random.gaussian();
      encode_row(tensor.type, made.floats.data(), tensor.k, made.bytes.data() + r * row_bytes);
    }
  }

  AtomicFile& file_;
  const Options& options_;
  uint64_t total_bytes_;
  ThreadPool& pool_;
  std::vector<Made> made_;  // one a thread
};

}  // namespace

Result<Summary> write_model(const std::string& path, const Shape& shape, const Options& options,
                            ThreadPool& pool) {
  if (shape.vocabulary < kLeastVocabulary)
    return fail(Error::Kind::invalid, "vocabulary {}: wanted at least {}", shape.vocabulary,
                kLeastVocabulary);
  const Architecture* graph = find_architecture(shape.architecture);
  if (graph == nullptr)
    return fail(Error::Kind::invalid, "architecture {}: wanted {}", shape.architecture,
                architecture_names());
  const bool q6_k_fits = shape.hidden % traits(GgmlType::q6_k).block_elements == 0;
  const GgmlType head = options.head.value_or(q6_k_fits ? GgmlType::q6_k : GgmlType::f16);

  GgufWriter writer;
  set_metadata(writer, shape, *graph, options.type);
  std::vector<Plan> tensors = plan_tensors(shape, *graph, options.type, head);
  Summary summary{.tensors = static_cast<int64_t>(tensors.size())};
  uint64_t data_bytes = 0;
  for (Plan& tensor : tensors) {
    const auto n = static_cast<uint64_t>(tensor.n), k = static_cast<uint64_t>(tensor.k);
    const bool vector = tensor.content == Content::norm || tensor.content == Content::rope_factors;
    BITNET_TRY(tensor.bytes, vector ? writer.add_vector(tensor.name, tensor.type, k)
                                    : writer.add_matrix(tensor.name, tensor.type, n, k));
    data_bytes += GgufWriter::padded(tensor.bytes);
    if (tensor.content == Content::trits) summary.ternary_bytes += tensor.bytes;
    if (tensor.content == Content::embedding) summary.head_bytes = tensor.bytes;
    if (auto good = choose_group(tensor, options); !good) return in(tensor.name, good.error());
  }
  const std::vector<std::byte> head_of_file = writer.head();
  summary.file_bytes = head_of_file.size() + data_bytes;

  BITNET_TRY(AtomicFile file, AtomicFile::create(path));
  BITNET_CHECK(file.write(head_of_file));
  Stream stream(file, options, summary.file_bytes, pool);
  for (const Plan& tensor : tensors) BITNET_CHECK(stream.write(tensor));
  BITNET_CHECK(file.commit(Durability::none));
  return summary;
}

}  // namespace bitnet::synth
