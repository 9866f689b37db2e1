#include "tools/run/timings.h"

#include <fmt/core.h>

namespace bitnet {
namespace {

std::string line(const char* what, double ms, int64_t count, const char* unit,
                 const std::string& more = "") {
  const double each = count > 0 ? ms / static_cast<double>(count) : 0;
  return fmt::format(
      "{:>16} time = {:10.2f} ms / {:5} {:<6} ({:8.2f} ms per token, {:8.2f} tokens per "
      "second{})\n",
      what, ms, count, unit, each, each > 0 ? 1000 / each : 0, more);
}

}  // namespace

std::string Timings::table(uint64_t weight_bytes) const {
  const double read = static_cast<double>(weight_bytes) * static_cast<double>(eval_tokens);
  const std::string rate =
      eval_ms > 0 ? fmt::format(", {:.2f} GB/s of weights", read / eval_ms / 1e6) : "";
  return fmt::format("{:>16} time = {:10.2f} ms\n", "load", load_ms) +
         line("sample", sample_ms, sampled, "runs") +
         line("prompt eval", prompt_ms, prompt_tokens, "tokens") +
         line("eval", eval_ms, eval_tokens, "runs", rate) +
         fmt::format("{:>16} time = {:10.2f} ms / {:5} tokens\n", "total", total.milliseconds(),
                     prompt_tokens + eval_tokens);
}

}  // namespace bitnet
