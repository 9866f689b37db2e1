// Continues a text.
#include <algorithm>

#include "runtime/text/tokenizer.h"
#include "tools/common/interrupt.h"
#include "tools/run/observer.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

// Tokens of the prompt, one at least.
Result<std::vector<int32_t>> prompt_tokens(const Task& task) {
  std::vector<int32_t> prompt = task.model.encode(*task.arguments.prompt);
  if (prompt.empty())
    return fail(Error::Kind::invalid,
                "the prompt is empty, and this model has no token that begins a text");
  task.log("{}", begin_token_warning(task.model.tokenizer(), prompt));
  return prompt;
}

}  // namespace

int64_t context_of(const Task& task, int64_t limit) {
  const int64_t own = task.model.context(), asked = task.arguments.context;
  return asked > 0 ? asked : asked == 0 ? own : std::min(own, limit);
}

Result<Sequence> make_sequence(const Task& task, int64_t context) {
  const int64_t own = task.model.context();
  if (context > own)
    task.log("warning: a context of {} tokens, but the model was made for {}\n", context, own);
  return task.model.sequence(context, task.arguments.kv_k, task.arguments.kv_v);
}

Result<Generation> start_generation(const Task& task, Sequence sequence,
                                    GenerationObserver& observer) {
  return Generation::start(task.model, std::move(sequence),
                           {.sampler = task.arguments.sampler,
                            .batch = task.arguments.model.batch,
                            .cancelled = interrupted,
                            .observer = &observer});
}

Result<int> generate(const Task& task) {
  const Arguments& a = task.arguments;
  BITNET_TRY(const std::vector<int32_t> prompt, prompt_tokens(task));
  const int64_t context = context_of(task, kDefaultContext);
  if (std::ssize(prompt) > context)
    return fail(Error::Kind::invalid,
                "the prompt has {} tokens, the context {}: -c {} or more makes room", prompt.size(),
                context, prompt.size() + 1);
  BITNET_TRY(Sequence sequence, make_sequence(task, context));

  Observer observer(task.receipt, task.timings);
  BITNET_TRY(Generation generation, start_generation(task, std::move(sequence), observer));
  Output out;
  if (a.display_prompt) BITNET_CHECK(out.write(*a.prompt));
  if (Result<void> fed = generation.feed(prompt); !fed) {
    if (fed.error().kind != Error::Kind::interrupted) return std::unexpected(fed.error());
    BITNET_CHECK(out.end_line());
    return kInterruptedExit;
  }
  BITNET_TRY(const Generation::End end,
             generation.reply({.limit = a.predict, .at_start = a.prompt->empty()},
                              [&](std::string_view text) { return out.write(text); }));
  BITNET_CHECK(out.end_line());
  if (end == Generation::End::context)
    task.log("the context of {} tokens is full: -c {} would have room for as much again\n", context,
             2 * context);
  return end == Generation::End::cancelled ? kInterruptedExit : 0;
}

}  // namespace bitnet
