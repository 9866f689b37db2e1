// The library's interface: load a model, make sequences, evaluate their tokens. With generation.h,
// which makes text of that, it is all that a program or a binding needs; no tensor, kernel or
// thread is seen here. Our own programs see a little more (session_internals.h).
//
//   const auto printed = [](std::string_view text) -> Result<void> {
//     std::fwrite(text.data(), 1, text.size(), stdout);
//     return {};
//   };
//   BITNET_TRY(Model model, Model::load(path, {}));
//   BITNET_TRY(Sequence sequence, model.sequence(model.context()));
//   BITNET_TRY(Generation generation, Generation::start(model, std::move(sequence), {}));
//   BITNET_CHECK(generation.feed(model.encode("And God said")));
//   BITNET_TRY(const Generation::End end, generation.reply({.limit = 24}, printed));
//
// (tests/client_example.cpp is this program.) The same file, tokens and options give bit-identical
// logits whatever the kernels, threads, batch or CPU (docs/NUMERICS.md).
//
// Threads: a model has threads of its own; evaluate() is for one caller at a time, as is a
// sequence. What is const may be called by several threads while nothing evaluates. Two models
// share nothing. A sequence is used with the model that made it only, and not after it.
// Errors: what depends on the world is a Result whose message is one line for the user. Nothing is
// thrown, but for std::bad_alloc where a few bytes are not to be had: weights, caches and
// evaluations that do not fit are errors.
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
#include "runtime/model/file_options.h"
#include "runtime/model/token_result.h"

namespace bitnet {

class Tokenizer;
class KernelSource;

enum class KernelChoice : uint8_t { automatic, builtin, reference };
enum class KvType : uint8_t { f16, f32 };
enum class Activations : uint8_t { int8, float32 };
enum class Loader : uint8_t { map, dlopen };

struct ModelOptions {
  ModelFileOptions file{};  // how to read what the file does not say
  int threads = 0;          // 0: default_thread_count()
  KernelChoice kernels = KernelChoice::automatic;
  std::optional<Isa> isa{};  // --isa: limits to the level and its parents
  std::string cache_path{};  // empty: search the usual places
  Loader loader = Loader::map;
  Activations activations = Activations::int8;
  int64_t batch = 512;  // most tokens evaluated at once: longer batches are split (-ub)
  // Neither must throw. Called now and then while weights are packed, with the share that is done
  // (0..1), by the loading thread.
  std::function<void(double)> progress{};
  // Asked meanwhile, by the same thread: true ends the loading, error kind interrupted.
  std::function<bool()> stop{};
};

// A conversation: its tokens and their cached keys and values, which it owns; movable. All of this
// costs next to nothing.
class Sequence {
 public:
  ~Sequence();
  Sequence(Sequence&&) noexcept;
  Sequence& operator=(Sequence&&) noexcept;
  int64_t length() const;  // tokens so far
  int64_t capacity() const;
  std::span<const int32_t> tokens() const;  // until the next evaluation or truncate()
  void truncate(int64_t length);            // forgets tokens from `length` on

 private:
  friend class Model;
  struct State;
  explicit Sequence(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct TokenRequest {
  Sequence* sequence = nullptr;  // must be given
  int32_t token = 0;
  Want want = {};
};

class Model {
 public:
  // Maps the file, finds kernels, packs the weights with all threads: as long as reading the file,
  // and a copy of its weights in memory. Kind interrupted: options.stop said so.
  static Result<Model> load(const std::string& path, const ModelOptions& options);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  // Facts of the file.
  const std::string& architecture() const;  // as the file has it: "bitnet-b1.58"
  const std::string& name() const;          // general.name, printable; may be empty
  int64_t context() const;                  // tokens that the model was made for
  int64_t vocabulary() const;               // token ids are 0 .. vocabulary - 1
  uint64_t file_bytes() const;
  uint64_t parameters() const;  // counted anew by each call
  // Lines for the user: what was assumed of the file, what in it is ignored.
  const std::vector<std::string>& notices() const;

  // A prompt's tokens, with the begin token where the model wants one; control tokens written in
  // the text count as such. Cost: that of the text. Other ways to encode, and text from tokens:
  // tokenizer(), runtime/text/tokenizer.h.
  std::vector<int32_t> encode(std::string_view prompt) const;
  const Tokenizer& tokenizer() const;

  // How it computes.
  int threads() const;
  std::string kernels_in_use() const;       // one line; says why a cache was not used
  std::string cache_warning() const;        // why the cache that was named is not; empty: it is
  uint64_t weight_bytes_per_token() const;  // packed ternary weights + head, as read for one token

  // `capacity` tokens of context; keys and values have a type each. Cost: memory for all of them,
  // of which pages are touched as tokens come.
  Result<Sequence> sequence(int64_t capacity, KvType k = KvType::f16, KvType v = KvType::f16) const;
  // Tokens of one sequence in order; sequences may be mixed freely. Cost: the weights are read once
  // for every options.batch of them. An error (no sequence or another model's, full context, id out
  // of range, logits that are not finite) leaves every sequence as it was.
  Result<std::vector<TokenResult>> evaluate(std::span<const TokenRequest> requests);
  // The same; results are those of requests that wanted something, in their order, and keep their
  // memory from call to call: nothing is allocated once they have grown.
  Result<void> evaluate(std::span<const TokenRequest> requests, std::vector<TokenResult>& results);

 private:
  friend struct ModelInternals;
  struct State;
  static Result<Model> load(const std::string& path, const ModelOptions& options,
                            const KernelSource* first);
  explicit Model(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bitnet
