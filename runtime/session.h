// The library's interface: load a model, make sequences, evaluate tokens, sample. bitnet-run,
// benchmarks, a server and bindings are clients of this file; they see no tensor, kernel or thread.
//
//   BITNET_TRY(auto model, Model::load("model.gguf", {}));
//   Sequence sequence = model.sequence(2048).value();
//   BITNET_TRY(auto evaluation, model.evaluate(requests));  // tokens of several sequences
//   int token = sampler.sample(evaluation.logits(i));
//
// The same file, tokens and options give bit-identical logits whatever the kernels, threads, batch
// or CPU (docs/NUMERICS.md). Model is not thread-safe: one evaluation at a time; sequences belong
// to their model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/logits.h"
#include "runtime/base/result.h"
#include "runtime/cpu/isa.h"
#include "runtime/kernel/kernel.h"
#include "runtime/model/file_options.h"
#include "runtime/model/float_kernels.h"
#include "runtime/model/token_result.h"

namespace bitnet {

class Tokenizer;
struct Hparams;

enum class KernelChoice : uint8_t { automatic, builtin, reference };
enum class KvType : uint8_t { f16, f32 };
enum class Activations : uint8_t { int8, float32 };
enum class Loader : uint8_t { map, dlopen };

struct ModelOptions {
  ModelFileOptions file{};  // how to read what the file does not say
  int threads = 0;  // 0: default_thread_count()
  KernelChoice kernels = KernelChoice::automatic;
  std::optional<Isa> isa{};  // --isa: limits to the level and its parents
  std::string cache_path{};  // empty: search the usual places
  Loader loader = Loader::map;
  Activations activations = Activations::int8;
  int64_t batch = 512;  // most tokens evaluated at once: longer batches are split (-ub)
  // For benchmarks and the tuner's check: kernels from here come first.
  const KernelSource* extra_kernels = nullptr;
  // Called now and then while weights are packed, with the share that is done (0..1), by the
  // loading thread.
  std::function<void(double)> progress{};
  // Asked meanwhile, by the same thread: true ends the loading, error kind interrupted.
  std::function<bool()> stop{};
};

class Sequence {  // a conversation's key/value cache; movable
 public:
  ~Sequence();
  Sequence(Sequence&&) noexcept;
  Sequence& operator=(Sequence&&) noexcept;
  int64_t length() const;  // tokens so far
  int64_t capacity() const;
  std::span<const int32_t> tokens() const;
  void truncate(int64_t length);  // forget tokens from `length` on

 private:
  friend class Model;
  struct State;
  explicit Sequence(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct TokenRequest {
  Sequence* sequence = nullptr;
  int32_t token = 0;
  Want want = {};
};

class Model {
 public:
  static Result<Model> load(const std::string& path, const ModelOptions& options);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const Hparams& hparams() const;
  const std::string& architecture() const;  // as the file has it: "bitnet-b1.58"
  const std::string& name() const;          // general.name, printable; may be empty
  int64_t context() const;                  // tokens that the model was made for
  int64_t vocabulary() const;               // token ids are 0 .. vocabulary - 1
  // A prompt's tokens, with the begin token where the model wants one; control tokens written in
  // the text count as such. Other ways to encode, and text from tokens: tokenizer().
  std::vector<int32_t> encode(std::string_view prompt) const;
  // Lines for the user: what was assumed of the file, what in it is ignored.
  const std::vector<std::string>& notices() const;
  const Tokenizer& tokenizer() const;
  const BnFloatKernels& float_kernels() const;  // for a Sampler
  int threads() const;
  std::string kernels_in_use() const;  // one line; says why a cache was not used
  std::string cache_warning() const;   // why the cache that was named is not used; empty: it is
  std::string kernel_table()
      const;  // a line for each problem and class of tokens: which kernel serves it
  uint64_t weight_bytes_per_token() const;  // packed ternary weights + head, as read for one token
  uint64_t file_bytes() const;
  uint64_t parameters() const;

  // `capacity` tokens of context; keys and values have a type each.
  Result<Sequence> sequence(int64_t capacity, KvType k = KvType::f16, KvType v = KvType::f16) const;
  // Tokens of one sequence in order; sequences may be mixed freely. An error (full context, id out
  // of range) leaves every sequence as it was.
  Result<std::vector<TokenResult>> evaluate(std::span<const TokenRequest> requests);
  // The same; results are those of requests that wanted something, in their order, and keep their
  // memory from call to call: nothing is allocated once they have grown.
  Result<void> evaluate(std::span<const TokenRequest> requests, std::vector<TokenResult>& results);

 private:
  struct State;
  explicit Model(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bitnet
