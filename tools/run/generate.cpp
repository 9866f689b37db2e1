// Continues a text.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "runtime/model/hparams.h"
#include "tools/common/model_options.h"
#include "tools/run/generator.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

constexpr int64_t kDefaultContext = 4096;

int64_t context_of(const Task& task) {
  const int64_t own = task.model.hparams().context, asked = task.arguments.context;
  return asked > 0 ? asked : asked == 0 ? own : std::min(own, kDefaultContext);
}

}  // namespace

Result<std::string> read_text(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) return fail(Error::Kind::io, "{}: {}", path, std::strerror(errno));
  std::string text;
  char buffer[65536];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file.get())) > 0;)
    text.append(buffer, n);
  if (std::ferror(file.get())) return fail(Error::Kind::io, "{}: {}", path, std::strerror(errno));
  return text;
}

Result<std::string> prompt_text(const Arguments& arguments) {
  if (arguments.prompt) return *arguments.prompt;
  BITNET_TRY(std::string text, read_text(arguments.prompt_file));
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<Sequence> make_sequence(const Task& task) {
  const int64_t context = context_of(task), own = task.model.hparams().context;
  if (context > own)
    task.log("warning: a context of {} tokens, but the model was made for {}\n", context, own);
  return task.model.sequence(context, task.arguments.kv_k, task.arguments.kv_v);
}

Result<int> tokenize(const Arguments& arguments) {
  BITNET_TRY(const std::string text, prompt_text(arguments));
  BITNET_TRY(const Gguf file, Gguf::open(arguments.model_path));
  BITNET_TRY(const Tokenizer tokenizer, Tokenizer::open(file));
  if (!arguments.quiet) print_notices(tokenizer.vocabulary().notices);
  std::string line;
  for (const int32_t id : tokenizer.encode(text, true, true))
    line += fmt::format("{}{}", line.empty() ? "" : " ", id);
  Output out;
  BITNET_CHECK(out.write(line + "\n"));
  return 0;
}

Result<int> generate(const Task& task) {
  const Arguments& a = task.arguments;
  const Tokenizer& tokenizer = task.model.tokenizer();
  BITNET_TRY(const std::string text, prompt_text(a));
  const std::vector<int32_t> prompt = tokenizer.encode(text, true, true);
  if (prompt.empty())
    return fail(Error::Kind::invalid,
                "the prompt is empty, and this model has no token that begins a text");
  BITNET_TRY(Sequence sequence, make_sequence(task));
  if (std::ssize(prompt) > sequence.capacity())
    return fail(Error::Kind::invalid,
                "the prompt has {} tokens, the context {}: -c {} or more makes room", prompt.size(),
                sequence.capacity(), prompt.size() + 1);

  Generator generator(task.model, std::move(sequence), a.sampler, a.model.batch, task.receipt,
                      task.timings);
  Output out;
  if (a.display_prompt) BITNET_CHECK(out.write(text));
  if (Result<void> fed = generator.feed(prompt); !fed) {
    if (fed.error().kind != Error::Kind::interrupted) return std::unexpected(fed.error());
    BITNET_CHECK(out.end_line());
    return kInterruptedExit;
  }
  StreamDecoder decoder(tokenizer, {.special = false, .at_start = text.empty()});
  BITNET_TRY(const Generator::End end, generator.reply(a.predict, out, decoder));
  BITNET_CHECK(out.end_line());
  if (end == Generator::End::context)
    task.log("the context of {} tokens is full\n", generator.capacity());
  return end == Generator::End::interrupt ? kInterruptedExit : 0;
}

}  // namespace bitnet
