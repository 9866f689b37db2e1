// ModelFile::open: finds every tensor of the model by name, checks type and shape, and refuses what
// is left over.
#include "runtime/model/model_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "runtime/base/half.h"
#include "runtime/model/problem_rows.h"

namespace bitnet {
namespace {

static_assert(TernaryMatrix::kMaxK == BN_MAX_K);

Result<void> check_tokens(const Gguf& file, const Hparams& h) {
  if (!file.has("tokenizer.ggml.tokens")) return {};
  BITNET_TRY(const uint64_t tokens, file.count("tokenizer.ggml.tokens"));
  if (tokens == static_cast<uint64_t>(h.vocabulary)) return {};
  return fail(Error::Kind::invalid,
              "{}: key tokenizer.ggml.tokens: found {} tokens, wanted {} as the model has",
              file.path(), tokens, h.vocabulary);
}

void say_what_is_of_no_use(ModelFile& model, I2sLayout i2s_layout) {
  if (model.file.trailing_bytes() > 0)
    model.notices.push_back(
        fmt::format("ignored: {} bytes behind the last tensor", model.file.trailing_bytes()));
  const bool any = std::ranges::any_of(
      model.file.tensors(), [](const TensorInfo& tensor) { return tensor.type == GgmlType::i2_s; });
  if (!any && i2s_layout != I2sLayout::blocks_of_128)
    model.notices.emplace_back("the layout of I2_S that was asked for: no matrix is I2_S here");
}

class ModelReader {
 public:
  ModelReader(ModelFile& model, I2sLayout i2s_layout)
      : model_(model), file_(model.file), h_(model.hparams), i2s_layout_(i2s_layout) {}

  Result<void> run() {
    say_what_is_of_no_use(model_, i2s_layout_);
    BITNET_CHECK(check_tokens(file_, h_));
    BITNET_TRY(model_.embedding, rows("token_embd.weight"));
    model_.head = model_.embedding;
    if (file_.find("output.weight") != nullptr) {
      BITNET_TRY(model_.head, rows("output.weight"));
    }
    BITNET_CHECK(check_head());
    BITNET_TRY(model_.output_norm, norm("output_norm.weight", h_.hidden));
    BITNET_CHECK(read_rope_factors());
    for (int64_t i = 0; i < h_.layers; ++i) {
      BITNET_TRY(LayerTensors layer, read_layer(fmt::format("blk.{}.", i)));
      model_.layers.push_back(std::move(layer));
    }
    BITNET_CHECK(find_groups());
    return check_nothing_is_left();
  }

 private:
  // One kernel serves a problem of all layers, so its group is the least of them.
  Result<void> find_groups() {
    for (const Problem& problem : problems_of(h_.linear_shapes())) {
      std::vector<const TernaryMatrix*> parts;
      for (const LayerTensors& layer : model_.layers)
        for (const TernaryMatrix* part : problem_rows(layer, problem.kind).parts())
          parts.push_back(part);
      BITNET_TRY(const int64_t group, common_group(parts));
      model_.groups.push_back(group);
    }
    return {};
  }

  Result<const TensorInfo*> take(const std::string& name) {
    BITNET_TRY(const TensorInfo* tensor, file_.tensor(name));
    used_.insert(tensor->name);
    return tensor;
  }

  std::unexpected<Error> wrong_shape(const TensorInfo& tensor, int64_t n, int64_t k) const {
    return fail(Error::Kind::invalid, "{}: found {}x{} (rows x columns), wanted {}x{}",
                file_.where(tensor), tensor.n(), tensor.k(), n, k);
  }

  // A [vocabulary][hidden] matrix of any type whose rows stand for themselves.
  Result<FloatMatrix> rows(const std::string& name) {
    BITNET_TRY(const TensorInfo* tensor, take(name));
    if (tensor->type == GgmlType::i2_s) {
      return fail(Error::Kind::unsupported,
                  "{}: found I2_S, whose one scale is apart from its rows", file_.where(*tensor));
    }
    if (tensor->n() != h_.vocabulary || tensor->k() != h_.hidden)
      return wrong_shape(*tensor, h_.vocabulary, h_.hidden);
    return FloatMatrix{.name = name,
                       .type = tensor->type,
                       .n = tensor->n(),
                       .k = tensor->k(),
                       .row_bytes = static_cast<int64_t>(tensor->data.size()) / tensor->n(),
                       .rows = tensor->data.data()};
  }

  Result<void> check_head() const {
    if (!traits(model_.head.type).ternary) return {};
    return fail(Error::Kind::unsupported, "{}: {}: found {} as the head, wanted one of {}",
                file_.path(), model_.head.name, traits(model_.head.type).name, type_names(false));
  }

  Result<TernaryMatrix> linear(const std::string& name, int64_t n, int64_t k) {
    BITNET_TRY(const TensorInfo* tensor, take(name));
    BITNET_TRY(TernaryMatrix matrix, TernaryMatrix::open(file_, *tensor, i2s_layout_));
    if (matrix.n() != n || matrix.k() != k) return wrong_shape(*tensor, n, k);
    if (const TensorInfo* scale = file_.find(TernaryMatrix::scale_name(tensor->name)))
      used_.insert(scale->name);
    return matrix;
  }

  Result<std::span<const float>> norm(const std::string& name, int64_t length) {
    BITNET_TRY(const TensorInfo* tensor, take(name));
    if (tensor->n() != 1 || tensor->k() != length) return wrong_shape(*tensor, 1, length);
    BITNET_TRY(const auto values, norm_values(*tensor));
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      return fail(Error::Kind::invalid, "{}: element {} is {}, wanted a finite number",
                  file_.where(*tensor), i, values[i]);
    }
    return values;
  }

  // The bound keeps angles within what sines are computed of.
  Result<std::span<const float>> rope_factors(const char* name) {
    constexpr float kLeast = 1e-6F;
    BITNET_TRY(const auto factors, norm(name, h_.rope.dimensions / 2));
    const auto bad = std::ranges::find_if(factors, [](float x) { return x < kLeast; });
    if (bad == factors.end()) return factors;
    return fail(Error::Kind::invalid, "{}: element {} is {}, wanted at least {}",
                file_.where(*file_.find(name)), bad - factors.begin(), *bad, kLeast);
  }

  Result<void> read_rope_factors() {
    constexpr const char *kFactors = "rope_freqs.weight", *kShort = "rope_factors_short.weight",
                         *kLong = "rope_factors_long.weight";
    if (h_.rope.scaling.stretch != RopeStretch::longrope) {  // Llama 3.1's, where they are
      if (file_.find(kFactors) == nullptr) return {};
      BITNET_TRY(model_.rope_factors, rope_factors(kFactors));
    } else if (file_.find(kShort) == nullptr && file_.find(kLong) == nullptr) {
      model_.notices.push_back(fmt::format(
          "rope.scaling.type is longrope, but there is no {}: positions are as they are", kShort));
    } else {
      BITNET_TRY(model_.rope_factors, rope_factors(kShort));
      BITNET_TRY(model_.rope_factors_long, rope_factors(kLong));
    }
    return {};
  }

  // In place where the file stores aligned F32, else converted.
  Result<std::span<const float>> norm_values(const TensorInfo& tensor) {
    const auto length = static_cast<size_t>(tensor.k());
    const std::byte* data = tensor.data.data();
    const bool aligned = reinterpret_cast<uintptr_t>(data) % alignof(float) == 0;
    if (tensor.type == GgmlType::f32 && aligned)
      return std::span(reinterpret_cast<const float*>(data), length);
    std::vector<float> values(length);
    if (tensor.type == GgmlType::f32) {
      std::memcpy(values.data(), data, tensor.data.size());
    } else if (tensor.type == GgmlType::f16 || tensor.type == GgmlType::bf16) {
      for (size_t i = 0; i < length; ++i) {
        uint16_t bits;
        std::memcpy(&bits, data + 2 * i, sizeof bits);
        values[i] = tensor.type == GgmlType::f16 ? float_from_half(bits) : float_from_bfloat(bits);
      }
    } else {
      return fail(Error::Kind::unsupported, "{}: found {}, wanted F32, F16 or BF16",
                  file_.where(tensor), traits(tensor.type).name);
    }
    model_.converted.push_back(std::move(values));
    return std::span<const float>(model_.converted.back());
  }

  Result<LayerTensors> read_layer(const std::string& block) {
    const LinearShapes s = h_.linear_shapes();
    const auto full = [&](std::string_view name) {
      return fmt::format("{}{}.weight", block, name);
    };
    LayerTensors layer;
    for (const ProductDescription& product : h_.graph->products) {
      const int64_t k = s.*product.columns;
      if (!product.norm.name.empty()) {
        BITNET_TRY(layer.*product.norm.place, norm(full(product.norm.name), k));
      }
      for (const MatrixDescription& matrix : product.matrices) {
        BITNET_TRY(layer.*matrix.place, linear(full(matrix.name), s.*matrix.rows, k));
      }
    }
    for (const NormDescription& head : h_.graph->head_norms) {
      BITNET_TRY(layer.*head.place, norm(full(head.name), h_.head_size));
    }
    return layer;
  }

  // A tensor that nobody asked for is a part of the model that would be left out: a bias, another
  // norm, experts.
  Result<void> check_nothing_is_left() const {
    for (const TensorInfo& tensor : file_.tensors()) {
      if (used_.contains(tensor.name)) continue;
      return fail(Error::Kind::unsupported,
                  "{}: architecture {} with {} layers has no such tensor here", file_.where(tensor),
                  h_.architecture, h_.layers);
    }
    return {};
  }

  ModelFile& model_;
  const Gguf& file_;
  const Hparams& h_;
  I2sLayout i2s_layout_;
  std::set<std::string_view> used_;
};

Result<ModelFile> read(Gguf file, const ModelFileOptions& options) {
  ModelFile model;
  model.file = std::move(file);
  BITNET_TRY(model.hparams, read_hparams(model.file, options, model.notices));
  BITNET_CHECK(ModelReader(model, options.i2s_layout).run());
  return model;
}

}  // namespace

std::vector<Problem> ModelFile::problems() const {
  std::vector<Problem> problems = problems_of(hparams.linear_shapes());
  for (size_t p = 0; p < problems.size(); ++p) problems[p].group = groups[p];
  return problems;
}

Result<ModelFile> ModelFile::open(const std::string& path, const ModelFileOptions& options) {
  BITNET_TRY(Gguf file, Gguf::open(path));
  return read(std::move(file), options);
}

Result<ModelFile> ModelFile::parse(std::span<const std::byte> bytes, const std::string& name,
                                   const ModelFileOptions& options) {
  BITNET_TRY(Gguf file, Gguf::parse(bytes, name));
  return read(std::move(file), options);
}

}  // namespace bitnet
