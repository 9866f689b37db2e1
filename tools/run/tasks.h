// What bitnet-run can be asked to do. Each task gets a loaded model, writes text to stdout and
// returns an exit code, or an error, which main prints.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/generation.h"
#include "tools/common/console.h"
#include "tools/run/arguments.h"
#include "tools/run/receipt.h"
#include "tools/run/timings.h"

namespace bitnet {

struct Task {
  const Arguments& arguments;
  Model& model;
  Receipt* receipt;  // null: none is wanted
  Timings& timings;

  // A line for the user, unless --log-disable.
  template <typename... Args>
  void log(fmt::format_string<Args...> format, Args&&... args) const {
    if (!arguments.quiet) message(format, std::forward<Args>(args)...);
  }
};

constexpr int64_t kDefaultContext = 4096;
constexpr int kInterruptedExit = 130;
constexpr int kUnansweredExit = 1;  // a message of a chat got no reply

Result<int> generate(const Task& task);            // -p, -f
Result<int> chat(const Task& task);                // -cnv
Result<int> perplexity(const Task& task);          // --perplexity
Result<int> tokenize(const Arguments& arguments);  // --tokenize: needs no weights

// -c; 0: the model's own; none: that, but at most `limit`.
int64_t context_of(const Task& task, int64_t limit);
// A sequence of -ctk, -ctv; more tokens than the model was made for get a warning.
Result<Sequence> make_sequence(const Task& task, int64_t context);
// With the sampler and the batches of the command line; Ctrl-C cancels it.
Result<Generation> start_generation(const Task& task, Sequence sequence,
                                    GenerationObserver& observer);
// How a chat is written: --chat-template, or as the model file shows.
Result<ChatTemplate> chat_template_of(const Arguments& arguments, std::string_view architecture,
                                      const Tokenizer& tokenizer);
// Where --reasoning asks for what the format cannot write. Empty: it does not.
std::string reasoning_note(const Arguments& arguments, const ChatTemplate& format);
// The system message, if there is one, and the user's first.
std::vector<ChatMessage> opening(const Arguments& arguments, std::string user);
// Text that begins with the begin token, which the model adds, too: the model has never seen two.
// Empty: it does not.
std::string begin_token_warning(const Tokenizer& tokenizer, std::span<const int32_t> prompt);

}  // namespace bitnet
