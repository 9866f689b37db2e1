// A conversation: messages from stdin, a line each (a backslash at its end continues it), replies
// to stdout.
#include "runtime/text/chat.h"

#include <unistd.h>

#include <iostream>

#include "runtime/model/hparams.h"
#include "tools/common/interrupt.h"
#include "tools/run/generator.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

// The next message; nothing at the end of input or after Ctrl-C.
std::optional<std::string> read_message(const Task& task) {
  std::string message;
  for (std::string line;; message += line + "\n") {
    if (isatty(STDIN_FILENO)) task.log("> ");
    if (!std::getline(std::cin, line)) return std::nullopt;
    if (!line.ends_with('\\')) return message + line;
    line.pop_back();
  }
}

std::vector<ChatMessage> opening(const Arguments& arguments, std::string user) {
  std::vector<ChatMessage> messages;
  if (arguments.system) messages.push_back({ChatMessage::Role::system, *arguments.system});
  messages.push_back({ChatMessage::Role::user, std::move(user)});
  return messages;
}

}  // namespace

Result<int> chat(const Task& task) {
  const Arguments& a = task.arguments;
  const Tokenizer& tokenizer = task.model.tokenizer();
  BITNET_TRY(const ChatTemplate format,
             ChatTemplate::choose(task.model.hparams().architecture, tokenizer));
  BITNET_TRY(Sequence sequence, make_sequence(task));
  Generator generator(task.model, std::move(sequence), a.sampler, a.model.batch, task.receipt,
                      task.timings);
  Output out;
  task.log("chat in the format of {}; Ctrl-C ends a reply, Ctrl-D the conversation\n",
           name(format.format()));

  std::optional<std::string> user;
  if (a.prompt || !a.prompt_file.empty()) {
    BITNET_TRY(user, prompt_text(a));
  } else {
    user = read_message(task);
  }
  for (bool first = true; user; user = read_message(task), first = false) {
    clear_interrupt();
    const std::vector<int32_t> tokens =
        first ? format.begin(opening(a, *user)) : format.next(*user);
    if (std::ssize(tokens) > generator.room()) {
      task.log("the context of {} tokens is full\n", generator.capacity());
      return 0;
    }
    if (Result<void> fed = generator.feed(tokens); !fed) {
      // Half a message is no state to go on from.
      return fed.error().kind == Error::Kind::interrupted ? Result<int>(kInterruptedExit)
                                                          : std::unexpected(fed.error());
    }
    StreamDecoder decoder(tokenizer);
    BITNET_TRY(const Generator::End end, generator.reply(a.predict, out, decoder));
    BITNET_CHECK(out.end_line());
    clear_interrupt();
    if (end == Generator::End::context) {
      task.log("the context of {} tokens is full\n", generator.capacity());
      return 0;
    }
  }
  return interrupted() ? kInterruptedExit : 0;
}

}  // namespace bitnet
