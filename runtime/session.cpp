#include "runtime/session.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <new>
#include <utility>

#include "runtime/base/finite.h"
#include "runtime/cpu/topology.h"
#include "runtime/kernel/choice.h"
#include "runtime/model/forward.h"
#include "runtime/model/load_layers.h"
#include "runtime/session_internals.h"
#include "runtime/text/tokenizer.h"
#include "runtime/threads/pool.h"

namespace bitnet {

struct Sequence::State {
  KvCache cache;
  int64_t capacity;
  std::vector<int32_t> tokens;
  uint64_t owner;         // the model's id
  int64_t requested = 0;  // tokens of the evaluation that is being checked
  size_t settled = 0;     // its length before the evaluation that is under way
};

namespace {

// An address would be given again after its model has died.
uint64_t next_model_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

// In the order of construction; what comes later refers to what comes before.
struct Model::State {
  const uint64_t id = next_model_id();
  ModelFile file;
  Tokenizer tokenizer;
  IsaSet isa;
  ThreadPool pool;
  const BnFloatKernels& floats;
  ChosenKernels kernels;
  std::unique_ptr<Forward> forward;
  // One block's arguments, kept from call to call.
  std::vector<int32_t> ids;
  std::vector<TokenPlace> places;
  std::vector<HeadRequest> wants;

  State(ModelFile file_in, Tokenizer tokenizer_in, const IsaSet& isa_in, ThreadPool pool_in,
        const BnFloatKernels& table)
      : file(std::move(file_in)),
        tokenizer(std::move(tokenizer_in)),
        isa(isa_in),
        pool(std::move(pool_in)),
        floats(table) {}

  static Result<std::unique_ptr<State>> load(const std::string& path, const ModelOptions& options,
                                             const KernelSource* first);
  Result<void> load_weights(const ModelOptions& options, const KernelSource* first);
  Result<void> check(std::span<const TokenRequest> requests) const;
  Result<void> evaluate(std::span<const TokenRequest> requests, std::vector<TokenResult>& results);
  Result<void> evaluate_block(std::span<const TokenRequest> block, size_t first_request,
                              TokenResult*& next_result);
};

namespace {

BnKvType abi_type(KvType type) { return type == KvType::f32 ? BN_KV_F32 : BN_KV_F16; }

Result<IsaSet> usable_isa(const ModelOptions& options) {
  const IsaSet isa = proved_isa();
  if (!options.isa) return isa;
  if (!isa.has(*options.isa)) {
    std::string levels;
    for (const Isa level : isa.levels()) levels += fmt::format(" {}", name(level));
    return fail(Error::Kind::unsupported, "--isa {}: this CPU has none of it, only{}",
                name(*options.isa), levels);
  }
  return isa.limited_to(*options.isa);
}

KernelSearch search_of(const ModelOptions& options, const IsaSet& isa, int threads,
                       const KernelSource* first) {
  return {
      .isa = isa,
      .threads = threads,
      .cache = options.kernels == KernelChoice::automatic,
      .builtin = options.kernels != KernelChoice::reference,
      .cache_path = options.cache_path,
      .how = options.loader == Loader::dlopen ? LoadedCache::How::dlopen : LoadedCache::How::map,
      .first = first};
}

}  // namespace

Sequence::Sequence(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sequence::~Sequence() = default;
Sequence::Sequence(Sequence&&) noexcept = default;
Sequence& Sequence::operator=(Sequence&&) noexcept = default;
int64_t Sequence::length() const { return std::ssize(state_->tokens); }
int64_t Sequence::capacity() const { return state_->capacity; }
std::span<const int32_t> Sequence::tokens() const { return state_->tokens; }
void Sequence::truncate(int64_t length) {
  if (length < this->length())
    state_->tokens.resize(static_cast<size_t>(std::max<int64_t>(0, length)));
}

Model::Model(std::unique_ptr<State> state) : state_(std::move(state)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
const std::string& Model::architecture() const { return state_->file.hparams.architecture; }
const std::string& Model::name() const { return state_->file.hparams.name; }
int64_t Model::context() const { return state_->file.hparams.context; }
int64_t Model::vocabulary() const { return state_->file.hparams.vocabulary; }
const std::vector<std::string>& Model::notices() const { return state_->file.notices; }
const Tokenizer& Model::tokenizer() const { return state_->tokenizer; }
int Model::threads() const { return state_->pool.size(); }
std::string Model::kernels_in_use() const { return state_->kernels.line; }
std::string Model::cache_warning() const { return state_->kernels.cache_warning; }
uint64_t Model::weight_bytes_per_token() const { return state_->forward->weight_bytes_per_token(); }
uint64_t Model::file_bytes() const { return state_->file.file.file_bytes(); }

std::vector<int32_t> Model::encode(std::string_view prompt) const {
  return tokenizer().encode(prompt, true, true);
}

uint64_t Model::parameters() const {
  uint64_t count = 0;
  for (const TensorInfo& tensor : state_->file.file.tensors())
    count += static_cast<uint64_t>(tensor.n() * tensor.k());
  return count;
}

Result<Model> Model::load(const std::string& path, const ModelOptions& options) {
  return load(path, options, nullptr);
}

Result<Model> Model::load(const std::string& path, const ModelOptions& options,
                          const KernelSource* first) {
  try {
    BITNET_TRY(auto state, State::load(path, options, first));
    return Model(std::move(state));
  } catch (const std::bad_alloc&) {
    return fail(Error::Kind::io, "{}: not enough memory to load it", path);
  }
}

Result<std::unique_ptr<Model::State>> Model::State::load(const std::string& path,
                                                         const ModelOptions& options,
                                                         const KernelSource* first) {
  if (options.batch < 1)
    return fail(Error::Kind::invalid, "batch of {} tokens, wanted at least 1", options.batch);
  if (options.threads < 0)
    return fail(Error::Kind::invalid, "{} threads, wanted at least 1", options.threads);
  BITNET_TRY(const IsaSet isa, usable_isa(options));
  BITNET_TRY(ModelFile file, ModelFile::open(path, options.file));
  BITNET_TRY(Tokenizer tokenizer, Tokenizer::open(file.file));
  const std::vector<std::string>& of_text = tokenizer.vocabulary().notices;
  file.notices.insert(file.notices.end(), of_text.begin(), of_text.end());
  const int threads = options.threads > 0 ? options.threads : default_thread_count();
  const BnFloatKernels& floats = options.kernels == KernelChoice::reference
                                     ? reference_float_kernels()
                                     : bitnet::float_kernels(isa);
  BITNET_TRY(ThreadPool pool, ThreadPool::start(threads));
  auto state =
      std::make_unique<State>(std::move(file), std::move(tokenizer), isa, std::move(pool), floats);
  BITNET_CHECK(state->load_weights(options, first));
  return state;
}

Result<void> Model::State::load_weights(const ModelOptions& options, const KernelSource* first) {
  std::vector<Layer> layers;
  if (options.activations == Activations::float32) {
    kernels.line = "float activations (a slow path to compare with)";
    if (!options.cache_path.empty())
      file.notices.push_back(
          fmt::format("{} is not used: float activations have no kernels", options.cache_path));
    BITNET_TRY(layers, load_float_layers(file, floats, pool, options.stop));
  } else {
    kernels = choose_kernels(file.problems(), search_of(options, isa, pool.size(), first));
    BITNET_TRY(layers,
               load_layers(file, kernels.of_problem, floats, pool, options.progress, options.stop));
  }
  forward = std::make_unique<Forward>(file, std::move(layers), floats, pool, options.batch);
  ids.reserve(static_cast<size_t>(options.batch));
  places.reserve(static_cast<size_t>(options.batch));
  wants.reserve(static_cast<size_t>(options.batch));
  return {};
}

Result<Sequence> Model::sequence(int64_t capacity, KvType k, KvType v) const {
  if (capacity < 1)
    return fail(Error::Kind::invalid, "a context of {} tokens, wanted at least 1", capacity);
  const Hparams& h = state_->file.hparams;
  BITNET_TRY(KvCache cache, KvCache::make({.layers = h.layers,
                                           .kv_heads = h.kv_heads,
                                           .head_size = h.head_size,
                                           .positions = capacity,
                                           .k_type = abi_type(k),
                                           .v_type = abi_type(v)}));
  auto state = std::make_unique<Sequence::State>(std::move(cache), capacity, std::vector<int32_t>{},
                                                 state_->id);
  state->tokens.reserve(static_cast<size_t>(std::min<int64_t>(capacity, 1 << 20)));
  return Sequence(std::move(state));
}

// Everything that can be wrong is found here, before anything changes.
Result<void> Model::State::check(std::span<const TokenRequest> requests) const {
  for (const TokenRequest& request : requests) {
    if (request.sequence == nullptr) return fail(Error::Kind::invalid, "a request has no sequence");
    request.sequence->state_->requested = 0;
    request.sequence->state_->settled = request.sequence->state_->tokens.size();
  }
  for (const TokenRequest& request : requests) {
    Sequence::State& sequence = *request.sequence->state_;
    if (sequence.owner != id)
      return fail(Error::Kind::invalid, "a sequence belongs to another model");
    if (request.token < 0 || request.token >= file.hparams.vocabulary)
      return fail(Error::Kind::invalid, "token {} is outside the vocabulary of {}", request.token,
                  file.hparams.vocabulary);
    ++sequence.requested;
    if (std::ssize(sequence.tokens) + sequence.requested > sequence.capacity)
      return fail(Error::Kind::unsupported, "the context of {} tokens is full", sequence.capacity);
  }
  return {};
}

namespace {

// Garbage would pass for text: NaN and infinities in come out as tokens all the same.
Result<void> check_finite(const TokenResult& result, int64_t position) {
  if (!all_finite(result.hidden))
    return fail(Error::Kind::invalid, "the hidden state of position {} is not finite", position);
  float best = -std::numeric_limits<float>::infinity();
  for (const float logit : result.all) best = logit > best ? logit : best;
  if (!result.top.empty()) best = result.top.front().value;
  if (is_finite(best) || (result.top.empty() && result.all.empty())) return {};
  return fail(Error::Kind::invalid, "the best logit of position {} is not finite", position);
}

}  // namespace

Result<void> Model::State::evaluate_block(std::span<const TokenRequest> block, size_t first_request,
                                          TokenResult*& next_result) {
  ids.clear();
  places.clear();
  wants.clear();
  for (size_t i = 0; i < block.size(); ++i) {
    Sequence::State& sequence = *block[i].sequence->state_;
    ids.push_back(block[i].token);
    places.push_back({&sequence.cache, std::ssize(sequence.tokens)});
    sequence.tokens.push_back(block[i].token);
    if (block[i].want.kind == Want::Kind::none) continue;
    next_result->request = first_request + i;
    wants.push_back({static_cast<int64_t>(i), block[i].want, next_result++});
  }
  BITNET_CHECK(forward->evaluate(ids, places, wants));
  for (const HeadRequest& want : wants)
    BITNET_CHECK(check_finite(*want.result, places[static_cast<size_t>(want.token)].position));
  return {};
}

Result<std::vector<TokenResult>> Model::evaluate(std::span<const TokenRequest> requests) {
  std::vector<TokenResult> results;
  BITNET_CHECK(evaluate(requests, results));
  return results;
}

Result<void> Model::evaluate(std::span<const TokenRequest> requests,
                             std::vector<TokenResult>& results) {
  BITNET_CHECK(state_->check(requests));
  const auto evaluated = [&]() -> Result<void> {
    try {
      return state_->evaluate(requests, results);
    } catch (const std::bad_alloc&) {
      return fail(Error::Kind::io, "not enough memory to evaluate {} tokens", requests.size());
    }
  }();
  if (!evaluated)
    for (const TokenRequest& request : requests)
      request.sequence->state_->tokens.resize(request.sequence->state_->settled);
  return evaluated;
}

Result<void> Model::State::evaluate(std::span<const TokenRequest> requests,
                                    std::vector<TokenResult>& results) {
  results.resize(
      static_cast<size_t>(std::ranges::count_if(requests, [](const TokenRequest& request) {
        return request.want.kind != Want::Kind::none;
      })));
  TokenResult* next_result = results.data();
  const auto batch = static_cast<size_t>(forward->batch());
  for (size_t first = 0; first < requests.size(); first += batch)
    BITNET_CHECK(evaluate_block(requests.subspan(first, std::min(batch, requests.size() - first)),
                                first, next_result));
  return {};
}

Result<Model> ModelInternals::load(const std::string& path, const ModelOptions& options,
                                   const KernelSource& first) {
  return Model::load(path, options, &first);
}

const BnFloatKernels& ModelInternals::float_kernels(const Model& model) {
  return model.state_->floats;
}

std::string ModelInternals::kernel_table(const Model& model) {
  const Model::State& state = *model.state_;
  std::string table = fmt::format("floats  {}\n", state.floats.name);
  const std::vector<Problem> problems = state.file.problems();
  for (size_t i = 0; i < state.kernels.of_problem.size(); ++i)
    for (const ClassKernel& kernel : state.kernels.of_problem[i].classes) {
      const std::string last = kernel.m_max == kAnyTokens ? "" : fmt::format("{}", kernel.m_max);
      table += fmt::format("{:<20} M {}-{:<5} {}\n", describe(problems[i]), kernel.m_min, last,
                           to_string(kernel.name));
    }
  return table;
}

}  // namespace bitnet
