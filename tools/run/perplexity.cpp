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
#include "runtime/model/hparams.h"
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

class Scorer {
 public:
  Scorer(const Task& task, Sequence sequence)
      : task_(task),
        sequence_(std::move(sequence)),
        terms_(static_cast<size_t>(task.model.hparams().vocabulary)) {}

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
    task_.model.float_kernels().softmax_terms(logits.data(), std::ssize(logits), most,
                                              terms_.data());
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
  const int64_t asked = a.context > 0    ? a.context
                        : a.context == 0 ? task.model.hparams().context
                                         : kDefaultWindow;
  const auto window = static_cast<size_t>(asked);
  if (window < 2)
    return fail(Error::Kind::invalid, "-c {}: wanted windows of at least 2 tokens", window);
  BITNET_TRY(const std::string text, read_text(a.perplexity_file));
  std::vector<int32_t> tokens = task.model.tokenizer().encode(text, true, false);
  const size_t least = a.score_all ? 2 : 2 * window;
  if (tokens.size() < least)
    return fail(Error::Kind::invalid, "{}: {} tokens, wanted at least {} for windows of {} (-c)",
                a.perplexity_file, tokens.size(), least, window);
  const size_t last = a.score_all && tokens.size() % window >= 2 ? 1 : 0;
  size_t chunks = tokens.size() / window + last;
  if (a.chunks >= 0) chunks = std::min(chunks, static_cast<size_t>(a.chunks));
  if (chunks == 0) return fail(Error::Kind::invalid, "--chunks 0: wanted at least 1");
  task.log("perplexity: {} tokens, {} windows of {}\n", tokens.size(), chunks, window);

  BITNET_TRY(Sequence sequence, task.model.sequence(asked, a.kv_k, a.kv_v));
  Scorer scorer(task, std::move(sequence));
  Estimate estimate;
  Output out;
  const bool bos = task.model.tokenizer().vocabulary().add_bos && task.model.tokenizer().bos();
  for (size_t i = 0; i < chunks; ++i) {
    const auto part =
        std::span(tokens).subspan(i * window, std::min(window, tokens.size() - i * window));
    if (bos) part.front() = *task.model.tokenizer().bos();
    if (Result<void> done = scorer.score(part, a.score_all ? 1 : window / 2 + 1, estimate); !done) {
      if (done.error().kind != Error::Kind::interrupted) return std::unexpected(done.error());
      BITNET_CHECK(out.end_line());
      return kInterruptedExit;
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
