// Token ids of a prompt, or of a chat that it opens. Needs no weights.
#include "runtime/gguf/reader.h"
#include "runtime/text/tokenizer.h"
#include "tools/common/model_options.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

Result<std::vector<int32_t>> tokens_of(const Arguments& a, const Gguf& file,
                                       const Tokenizer& tokenizer) {
  if (!a.conversation) return tokenizer.encode(*a.prompt, true, true);
  BITNET_TRY(const std::string_view architecture, file.string_value("general.architecture"));
  BITNET_TRY(const ChatTemplate format, chat_template_of(a, architecture, tokenizer));
  if (!a.quiet) write_message(reasoning_note(a, format));
  return format.begin(opening(a, *a.prompt));
}

}  // namespace

std::string begin_token_warning(const Tokenizer& tokenizer, std::span<const int32_t> prompt) {
  const std::optional<int32_t> bos = tokenizer.bos();
  if (!bos || prompt.size() < 2 || prompt[0] != *bos || prompt[1] != *bos) return {};
  return fmt::format(
      "warning: the prompt begins with {}, which the model adds by itself: now it is there twice\n",
      tokenizer.piece(*bos, true));
}

Result<int> tokenize(const Arguments& a) {
  BITNET_TRY(const Gguf file, Gguf::open(a.model_path));
  BITNET_TRY(const Tokenizer tokenizer, Tokenizer::open(file));
  BITNET_TRY(const std::vector<int32_t> tokens, tokens_of(a, file, tokenizer));
  if (!a.quiet) print_notices(tokenizer.vocabulary().notices);
  if (!a.quiet) write_message(begin_token_warning(tokenizer, tokens));
  std::string line;
  for (const int32_t id : tokens) line += fmt::format("{}{}", line.empty() ? "" : " ", id);
  BITNET_CHECK(Output().write(line + "\n"));
  return 0;
}

}  // namespace bitnet
