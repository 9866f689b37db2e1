// Continues a text.
#include <algorithm>

#include "runtime/model/hparams.h"
#include "tools/run/generator.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

// Tokens of the prompt, one at least.
Result<std::vector<int32_t>> prompt_tokens(const Task& task) {
  const Tokenizer& tokenizer = task.model.tokenizer();
  std::vector<int32_t> prompt = tokenizer.encode(*task.arguments.prompt, true, true);
  if (prompt.empty())
    return fail(Error::Kind::invalid,
                "the prompt is empty, and this model has no token that begins a text");
  task.log("{}", begin_token_warning(tokenizer, prompt));
  return prompt;
}

}  // namespace

int64_t context_of(const Task& task, int64_t limit) {
  const int64_t own = task.model.hparams().context, asked = task.arguments.context;
  return asked > 0 ? asked : asked == 0 ? own : std::min(own, limit);
}

Result<Sequence> make_sequence(const Task& task, int64_t context) {
  const int64_t own = task.model.hparams().context;
  if (context > own)
    task.log("warning: a context of {} tokens, but the model was made for {}\n", context, own);
  return task.model.sequence(context, task.arguments.kv_k, task.arguments.kv_v);
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

  Generator generator(task.model, std::move(sequence), a.sampler, a.model.batch, task.receipt,
                      task.timings);
  Output out;
  if (a.display_prompt) BITNET_CHECK(out.write(*a.prompt));
  if (Result<void> fed = generator.feed(prompt); !fed) {
    if (fed.error().kind != Error::Kind::interrupted) return std::unexpected(fed.error());
    BITNET_CHECK(out.end_line());
    return kInterruptedExit;
  }
  StreamDecoder decoder(task.model.tokenizer(), {.special = false, .at_start = a.prompt->empty()});
  BITNET_TRY(const Generator::End end, generator.reply(a.predict, out, decoder));
  BITNET_CHECK(out.end_line());
  if (end == Generator::End::context)
    task.log("the context of {} tokens is full: -c {} would have room for as much again\n",
             generator.capacity(), 2 * generator.capacity());
  return end == Generator::End::interrupt ? kInterruptedExit : 0;
}

}  // namespace bitnet
