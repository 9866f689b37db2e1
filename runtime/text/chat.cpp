#include "runtime/text/chat.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "runtime/base/trimmed.h"
#include "runtime/text/thoughts.h"

namespace bitnet {
namespace {

using Part = Tokenizer::Part;
using Role = ChatMessage::Role;

// Who writes the <think> with which a reply begins.
enum class Thoughts : uint8_t { none, model, prompt };

// What stands around messages. Content is trimmed where the models' own templates trim it.
struct Format {
  ChatFormat format;
  std::string_view name;
  std::array<std::string_view, 3> before;  // a message, by role
  std::string_view after;                  // a system or user message
  std::string_view after_reply;
  bool trims;
  std::string_view marker;  // a special token without which the format cannot be used
  Thoughts thoughts = Thoughts::none;
};
constexpr std::string_view kBeginThought = "<think>\n", kEndThought = "\n</think>\n\n";
constexpr std::array kFormats = {
    // As in the tokenizer_config.json of microsoft/bitnet-b1.58-2B-4T, which is newer than the
    // template in its GGUF.
    Format{ChatFormat::bitnet,
           "bitnet",
           {"System: ", "User: ", "Assistant: "},
           "<|eot_id|>",
           "<|eot_id|>",
           true,
           "<|eot_id|>"},
    Format{ChatFormat::llama3,
           "llama3",
           {"<|start_header_id|>system<|end_header_id|>\n\n",
            "<|start_header_id|>user<|end_header_id|>\n\n",
            "<|start_header_id|>assistant<|end_header_id|>\n\n"},
           "<|eot_id|>",
           "<|eot_id|>",
           true,
           "<|start_header_id|>"},
    Format{ChatFormat::falcon3,
           "falcon3",
           {"<|system|>\n", "<|user|>\n", "<|assistant|>\n"},
           "\n",
           "<|endoftext|>\n",
           false,
           "<|endoftext|>"},
    Format{ChatFormat::chatml,
           "chatml",
           {"<|im_start|>system\n", "<|im_start|>user\n", "<|im_start|>assistant\n"},
           "<|im_end|>\n",
           "<|im_end|>\n",
           false,
           "<|im_start|>"},
    Format{ChatFormat::qwen3,
           "qwen3",
           {"<|im_start|>system\n", "<|im_start|>user\n", "<|im_start|>assistant\n"},
           "<|im_end|>\n",
           "<|im_end|>\n",
           false,
           "<|im_start|>",
           Thoughts::model},
    Format{ChatFormat::qwen35,
           "qwen35",
           {"<|im_start|>system\n", "<|im_start|>user\n", "<|im_start|>assistant\n"},
           "<|im_end|>\n",
           "<|im_end|>\n",
           true,
           "<|im_start|>",
           Thoughts::prompt},
};
const Format& format_of(ChatFormat format) {
  return *std::ranges::find(kFormats, format, &Format::format);
}

std::string_view content_of(const Format& format, const ChatMessage& message) {
  return format.trims ? trimmed(message.content) : std::string_view(message.content);
}

// Of the user's last message, which answers of tools are not.
size_t last_question(const Format& format, std::span<const ChatMessage> messages) {
  for (size_t i = messages.size(); i-- > 0;) {
    const std::string_view text = content_of(format, messages[i]);
    if (messages[i].role == Role::user &&
        !(text.starts_with("<tool_response>") && text.ends_with("</tool_response>")))
      return i;
  }
  return messages.size();
}

// Thoughts of replies since the user's last message stay, and the last reply has one, if an empty
// one; earlier ones are dropped. This is what the templates of Qwen3 and Qwen3.5 do.
void append_reply(const Format& format, std::string_view text, bool thinks, bool is_last,
                  std::vector<Part>& parts) {
  auto [thought, answer] = part_reply(text);
  if (format.trims) thought = trimmed(thought);
  if (thinks && (is_last || !thought.empty() || format.thoughts == Thoughts::prompt)) {
    parts.insert(parts.end(), {{kBeginThought, true}, {thought, false}, {kEndThought, true}});
    answer.remove_prefix(std::min(answer.find_first_not_of('\n'), answer.size()));
  }
  parts.push_back({answer, false});
}

std::string_view before(const Format& format, Role role) {
  return format.before[static_cast<size_t>(role)];
}

void append_opening(const Format& format, bool thinks, std::vector<Part>& parts) {
  parts.push_back({before(format, Role::assistant), true});
  if (format.thoughts != Thoughts::none && !thinks) parts.push_back({kNoThought, true});
  if (format.thoughts == Thoughts::prompt && thinks) parts.push_back({kBeginThought, true});
}

std::vector<Part> conversation(const Format& format, bool thinks,
                               std::span<const ChatMessage> messages) {
  std::vector<Part> parts;
  const size_t question = last_question(format, messages);
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    const bool is_reply = message.role == Role::assistant;
    const std::string_view text = content_of(format, message);
    parts.push_back({before(format, message.role), true});
    if (is_reply && format.thoughts != Thoughts::none)
      append_reply(format, text, i > question, i + 1 == messages.size(), parts);
    else
      parts.push_back({text, false});
    parts.push_back({is_reply ? format.after_reply : format.after, true});
  }
  append_opening(format, thinks, parts);
  return parts;
}

ChatFormat recognise_chatml(std::string_view text) {
  const ThoughtsOfTemplate thoughts = thoughts_of_template(text);
  return !thoughts.can_be_off ? ChatFormat::chatml
         : thoughts.begun     ? ChatFormat::qwen35
                              : ChatFormat::qwen3;
}

// Files without a template: by what their vocabulary has markers for.
std::optional<ChatFormat> recognise_markers(const Tokenizer& tokenizer) {
  const std::string_view pre = tokenizer.vocabulary().pretokenizer;
  if (tokenizer.find("<|start_header_id|>")) return ChatFormat::llama3;
  if (tokenizer.find("<|im_start|>")) {
    if (!tokenizer.find("<think>")) return ChatFormat::chatml;
    return pre == "qwen35" ? ChatFormat::qwen35 : ChatFormat::qwen3;
  }
  if (pre == "falcon3") return ChatFormat::falcon3;
  return std::nullopt;
}

std::optional<ChatFormat> recognise(std::string_view architecture, const Tokenizer& tokenizer) {
  const std::string_view text = tokenizer.vocabulary().chat_template;
  // Whatever template their files hold: that of the published BitNet-b1.58-2B-4T is of an earlier
  // model.
  if (architecture == "bitnet-b1.58" || architecture == "bitnet-25") return ChatFormat::bitnet;
  if (text.find("<|start_header_id|>") != text.npos) return ChatFormat::llama3;
  if (text.find("<|assistant|>\\n") != text.npos && text.find("<|user|>\\n") != text.npos &&
      text.find("<|end|>") == text.npos)
    return ChatFormat::falcon3;
  if (text.find("<|im_start|>") != text.npos) return recognise_chatml(text);
  return text.empty() ? recognise_markers(tokenizer) : std::nullopt;
}

}  // namespace

std::string_view name(ChatFormat format) { return format_of(format).name; }

std::optional<ChatFormat> chat_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &Format::name);
  return found == kFormats.end() ? std::nullopt : std::optional(found->format);
}

std::string chat_format_names() {
  std::string all;
  for (const Format& format : kFormats) all.append(all.empty() ? "" : ", ").append(format.name);
  return all;
}

Result<ChatTemplate> ChatTemplate::choose(std::string_view architecture,
                                          const Tokenizer& tokenizer) {
  if (const auto format = recognise(architecture, tokenizer)) return make(*format, tokenizer);
  return fail(Error::Kind::unsupported,
              "no chat template for this model (architecture {}, {}), known are {}", architecture,
              tokenizer.vocabulary().chat_template.empty() ? "none in the file"
                                                           : "an unknown one in the file",
              chat_format_names());
}

Result<ChatTemplate> ChatTemplate::make(ChatFormat format, const Tokenizer& tokenizer) {
  const std::string_view marker = format_of(format).marker;
  if (!tokenizer.find(marker))
    return fail(Error::Kind::unsupported,
                "the chat template {} needs the token {}, which the vocabulary lacks",
                bitnet::name(format), marker);
  return ChatTemplate(format, tokenizer,
                      thoughts_of_template(tokenizer.vocabulary().chat_template).on);
}

bool ChatTemplate::knows_thoughts() const { return format_of(format_).thoughts != Thoughts::none; }
std::string_view ChatTemplate::begun_thought() const {
  return thinks_ && format_of(format_).thoughts == Thoughts::prompt ? kBeginThought : "";
}

ChatMessage ChatTemplate::reply(std::string_view text) const {
  std::string whole = std::string(begun_thought()).append(text);
  if (knows_thoughts() && cut_in_thought(whole)) whole.clear();
  return {Role::assistant, std::move(whole)};
}

std::vector<int32_t> ChatTemplate::encode(std::span<const ChatMessage> messages) const {
  return tokenizer_->encode(conversation(format_of(format_), thinks_, messages), true);
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages) const {
  std::string text;
  for (const Part& part : conversation(format_of(format_), thinks_, messages)) text += part.text;
  return text;
}

std::vector<int32_t> ChatTemplate::next(std::string_view user) const {
  assert(!knows_thoughts());
  const Format& format = format_of(format_);
  const std::string_view text = format.trims ? trimmed(user) : user;
  std::vector<Part> parts = {{format.after_reply, true},
                             {before(format, Role::user), true},
                             {text, false},
                             {format.after, true}};
  append_opening(format, thinks_, parts);
  return tokenizer_->encode(parts, false);
}

}  // namespace bitnet
