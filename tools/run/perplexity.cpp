// How well the model predicts a text: exp of the mean negative log-likelihood of its tokens.
//
//   llama   llama.cpp's definition: whole windows of -c tokens, each begun anew with bos in place
//           of its first token where the model wants one; tokens of the second half are scored
//   full    the same windows and a last, shorter one; all tokens but a window's first are scored
//
// Log-likelihoods: exp in float as docs/NUMERICS.md defines it, summed in double; log by our own
// routine. So the digits printed are the same on every CPU.
#include <algorithm>
#include <cmath>

#include "runtime/base/double_double.h"
#include "runtime/base/printable.h"
#include "runtime/session_internals.h"
#include "runtime/text/tokenizer.h"
#include "tools/common/console.h"
#include "tools/common/interrupt.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

constexpr int64_t kDefaultWindow = 512;
constexpr int64_t kMostLogits = 64;  // tokens whose logits are held at once

// Of many values: exp of their mean, and the standard error of that.
class Estimate {
 public:
  void add(double nll) {
    sum_ += nll;
    squares_ += nll * nll;
    ++count_;
  }
  int64_t count() const { return count_; }
  double perplexity() const { return exp(DoubleDouble{mean(), 0}).hi; }
  double error() const {
    if (count_ < 2) return 0;
    const auto n = static_cast<double>(count_);
    const double variance = std::max(0.0, squares_ / n - mean() * mean());
    return __builtin_sqrt(variance / (n - 1)) * perplexity();
  }

 private:
  double mean() const { return sum_ / static_cast<double>(count_); }
  double sum_ = 0, squares_ = 0;
  int64_t count_ = 0;
};

// The text, cut into what is scored at a time; each has one token to score at least.
struct Windows {
  std::vector<int32_t> tokens;
  size_t size = 0, count = 0;
  size_t first_scored = 1;  // in each: what stands before only predicts
  std::optional<int32_t> bos{};

  static Result<Windows> make(const Task& task);

  std::vector<int32_t> window(size_t i) const {
    const size_t begin = i * size, end = std::min(begin + size, tokens.size());
    std::vector<int32_t> part(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                              tokens.begin() + static_cast<std::ptrdiff_t>(end));
    if (bos) part.front() = *bos;
    return part;
  }
};

Result<Windows> Windows::make(const Task& task) {
  const Arguments& a = task.arguments;
  const Tokenizer& tokenizer = task.model.tokenizer();
  const auto size = static_cast<size_t>(context_of(task, kDefaultWindow));
  const size_t first_scored = a.score_all ? 1 : size / 2 + 1;
  if (first_scored >= size)
    return fail(Error::Kind::invalid, "-c {}: no token of such a window is scored, wanted {}", size,
                a.score_all ? "at least 2" : "at least 3, or 2 with --ppl-mode full");
  Windows windows{.tokens = tokenizer.encode(a.perplexity_text, true, false),
                  .size = size,
                  .first_scored = first_scored};
  const size_t found = windows.tokens.size(), least = a.score_all ? 2 : 2 * size;
  if (found < least)
    return fail(Error::Kind::invalid, "{}: {} tokens, wanted at least {} for windows of {} (-c)",
                printable(a.perplexity_file), found, least, size);
  windows.count = found / size + (a.score_all && found % size >= 2 ? 1 : 0);
  if (a.chunks >= 0) windows.count = std::min(windows.count, static_cast<size_t>(a.chunks));
  if (tokenizer.vocabulary().add_bos) windows.bos = tokenizer.bos();
  return windows;
}

class Scorer {
 public:
  Scorer(const Task& task, Sequence sequence)
      : task_(task),
        sequence_(std::move(sequence)),
        terms_(static_cast<size_t>(task.model.vocabulary())) {}

  // Scores window[from..] given what stands before each of them; from >= 1.
  Result<void> score(std::span<const int32_t> window, size_t from, Estimate& estimate) {
    sequence_.truncate(0);
    const size_t step = static_cast<size_t>(std::min(task_.arguments.model.batch, kMostLogits));
    for (size_t begin = 0; begin + 1 < window.size();) {
      if (interrupted()) return fail(Error::Kind::interrupted, "interrupted");
      // Tokens before the first one that predicts need no logits, so they go in large batches.
      const bool silent = begin + 1 < from;
      const size_t end =
          silent ? std::min(from - 1, begin + static_cast<size_t>(task_.arguments.model.batch))
                 : std::min(window.size() - 1, begin + step);
      BITNET_CHECK(evaluate(window.subspan(begin, end - begin), !silent));
      if (!silent)
        for (size_t i = begin; i < end; ++i)
          estimate.add(negative_log_likelihood(results_[i - begin].all, window[i + 1]));
      begin = end;
    }
    return {};
  }

 private:
  Result<void> evaluate(std::span<const int32_t> tokens, bool scored) {
    requests_.clear();
    Want want{.kind = scored ? Want::Kind::all : Want::Kind::none, .k = 0};
    if (scored && task_.receipt != nullptr) want = task_.receipt->want(want);
    for (const int32_t token : tokens)
      requests_.push_back({.sequence = &sequence_, .token = token, .want = want});
    const auto before = static_cast<size_t>(sequence_.length());
    const Stopwatch watch;
    BITNET_CHECK(task_.model.evaluate(requests_, results_));
    task_.timings.prompt_ms += watch.milliseconds();
    task_.timings.prompt_tokens += std::ssize(tokens);
    if (scored && task_.receipt != nullptr)
      for (size_t i = 0; i < results_.size(); ++i)
        task_.receipt->add(sequence_.tokens().first(before + i + 1), results_[i]);
    return {};
  }

  double negative_log_likelihood(std::span<const float> logits, int32_t token) {
    const float most = *std::ranges::max_element(logits);
    ModelInternals::float_kernels(task_.model)
        .softmax_terms(logits.data(), std::ssize(logits), most, terms_.data());
    double sum = 0;
    for (const float term : terms_) sum += term;
    return log(sum).hi - (double{logits[static_cast<size_t>(token)]} - double{most});
  }

  const Task& task_;
  Sequence sequence_;
  std::vector<float> terms_;
  std::vector<TokenRequest> requests_;
  std::vector<TokenResult> results_;
};

}  // namespace

Result<int> perplexity(const Task& task) {
  const Arguments& a = task.arguments;
  BITNET_TRY(const Windows windows, Windows::make(task));
  task.log("perplexity: {} tokens, {} windows of {}\n", windows.tokens.size(), windows.count,
           windows.size);
  BITNET_TRY(Sequence sequence, make_sequence(task, static_cast<int64_t>(windows.size)));
  Scorer scorer(task, std::move(sequence));
  Estimate estimate;
  Output out;
  for (size_t i = 0; i < windows.count; ++i) {
    if (Result<void> done = scorer.score(windows.window(i), windows.first_scored, estimate);
        !done) {
      BITNET_CHECK(out.end_line());
      if (done.error().kind != Error::Kind::interrupted) return std::unexpected(done.error());
      return kInterruptedExit;
    }
    if (!std::isfinite(estimate.perplexity())) {
      BITNET_CHECK(out.end_line());
      return fail(Error::Kind::invalid, "{}: the perplexity of window {} is {}, wanted a number",
                  printable(a.model_path), i + 1, estimate.perplexity());
    }
    BITNET_CHECK(out.write(fmt::format("[{}]{:.4f},", i + 1, estimate.perplexity())));
  }
  BITNET_CHECK(out.end_line());
  BITNET_CHECK(out.write(fmt::format("Final estimate: PPL = {:.4f} +/- {:.5f}\n",
                                     estimate.perplexity(), estimate.error())));
  task.log("perplexity: {} tokens scored\n", estimate.count());
  return 0;
}

}  // namespace bitnet
