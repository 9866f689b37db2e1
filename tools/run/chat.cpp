// A conversation: messages from stdin, replies to stdout. A message that does not fit is an error
// line, and the conversation goes on without it; the exit code tells that one was not answered.
#include "runtime/text/chat.h"

#include <unistd.h>

#include <algorithm>

#include "runtime/base/printable.h"
#include "runtime/text/tokenizer.h"
#include "tools/common/interrupt.h"
#include "tools/run/messages.h"
#include "tools/run/observer.h"
#include "tools/run/tasks.h"

namespace bitnet {
namespace {

constexpr int64_t kReplyTokens = 256;  // for which the context that is advised has room

class Chat {
 public:
  Chat(const Task& task, const ChatTemplate& format, Generation generation)
      : task_(task), format_(format), generation_(std::move(generation)) {}

  Result<int> run() {
    const bool prompts = isatty(STDIN_FILENO) != 0 && !task_.arguments.quiet;
    std::optional<std::string> user = task_.arguments.prompt;
    for (bool goes_on = true; goes_on; user.reset()) {
      if (!user) {
        BITNET_TRY(user, read_message(prompts));
      }
      if (!user) break;
      clear_interrupt();
      BITNET_CHECK(answer(*user));
      clear_interrupt();
      goes_on = !task_.arguments.single_turn;
    }
    if (interrupted()) return kInterruptedExit;
    return unanswered_ ? kUnansweredExit : 0;
  }

 private:
  // What a message is to the model: tokens after the first `kept` of the context.
  struct Step {
    int64_t kept;
    std::vector<int32_t> tokens;
  };

  // Where a reply leaves its thought behind, what follows the thought is evaluated again.
  Step step(std::span<const ChatMessage> messages) const {
    const std::span<const int32_t> context = generation_.sequence().tokens();
    const int64_t all = std::ssize(context) + std::ssize(generation_.unevaluated());
    if (all > 0 && !format_.knows_thoughts()) return {all, format_.next(messages.back().content)};
    std::vector<int32_t> tokens = format_.encode(messages);
    const auto same = std::ranges::mismatch(context, tokens).in2;
    const auto kept = std::min(same, tokens.end() - 1);  // the last one's logits are needed
    const int64_t count = kept - tokens.begin();
    tokens.erase(tokens.begin(), kept);
    return {count, std::move(tokens)};
  }

  Result<void> answer(const std::string& user) {
    std::vector<ChatMessage> messages =
        messages_.empty() ? opening(task_.arguments, user) : messages_;
    if (!messages_.empty()) messages.push_back({ChatMessage::Role::user, user});
    const auto [kept, tokens] = step(messages);
    if (const int64_t left = context() - kept; std::ssize(tokens) > left) {
      refuse(std::ssize(tokens), std::max<int64_t>(0, left));
      return {};
    }
    messages_ = std::move(messages);
    if (kept < generation_.sequence().length()) generation_.rewind(kept);
    BITNET_CHECK(generation_.feed(tokens));  // half a message is no state to go on from
    return reply();
  }

  Result<void> reply() {
    std::string reply;
    BITNET_CHECK(out_.write(format_.begun_thought()));
    BITNET_TRY(const Generation::End end,
               generation_.reply({.limit = task_.arguments.predict}, [&](std::string_view text) {
                 reply += text;
                 return out_.write(text);
               }));
    BITNET_CHECK(out_.end_line());
    messages_.push_back(format_.reply(reply));
    if (end == Generation::End::context)
      message("warning: the reply is cut, the context of {} tokens is full: -c {} makes room\n",
              context(), 2 * context());
    return {};
  }

  // Not a line of the log: a script must see why its message has no reply.
  void refuse(int64_t tokens, int64_t left) {
    unanswered_ = true;
    print_error({Error::Kind::invalid,
                 fmt::format("the message has {} tokens, and {} of the context of {} are left: "
                             "-c {} makes room for it and a reply",
                             tokens, left, context(), context() - left + tokens + kReplyTokens)});
  }

  int64_t context() const { return generation_.sequence().capacity(); }

  const Task& task_;
  const ChatTemplate& format_;
  Generation generation_;
  Output out_;
  std::vector<ChatMessage> messages_;  // that are in the context, the replies to them among them
  bool unanswered_ = false;
};

}  // namespace

std::vector<ChatMessage> opening(const Arguments& arguments, std::string user) {
  std::vector<ChatMessage> messages;
  if (arguments.system) messages.push_back({ChatMessage::Role::system, *arguments.system});
  messages.push_back({ChatMessage::Role::user, std::move(user)});
  return messages;
}

Result<ChatTemplate> chat_template_of(const Arguments& arguments, std::string_view architecture,
                                      const Tokenizer& tokenizer) {
  const bool forced = arguments.chat_template.has_value();
  Result<ChatTemplate> format = forced ? ChatTemplate::make(*arguments.chat_template, tokenizer)
                                       : ChatTemplate::choose(architecture, tokenizer);
  if (!format) {
    if (!forced) format.error().message += " (--chat-template NAME takes one by force)";
    return in(printable(arguments.model_path), std::move(format.error()));
  }
  if (arguments.reasoning) format->set_thinking(*arguments.reasoning);
  return format;
}

std::string reasoning_note(const Arguments& arguments, const ChatTemplate& format) {
  if (!arguments.reasoning || format.knows_thoughts()) return {};
  return fmt::format("note: --reasoning is ignored: the chat format {} knows no thoughts\n",
                     name(format.format()));
}

Result<int> chat(const Task& task) {
  BITNET_TRY(const ChatTemplate format,
             chat_template_of(task.arguments, task.model.architecture(), task.model.tokenizer()));
  BITNET_TRY(Sequence sequence, make_sequence(task, context_of(task, kDefaultContext)));
  Observer observer(task.receipt, task.timings);
  BITNET_TRY(Generation generation, start_generation(task, std::move(sequence), observer));
  task.log("{}", reasoning_note(task.arguments, format));
  task.log("chat in the format of {}; Ctrl-C ends a reply, Ctrl-D the conversation\n",
           name(format.format()));
  return Chat(task, format, std::move(generation)).run();
}

}  // namespace bitnet
