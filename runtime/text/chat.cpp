#include "runtime/text/chat.h"

#include <algorithm>
#include <array>

#include "runtime/base/trimmed.h"

namespace bitnet {
namespace {

using Part = Tokenizer::Part;
using Role = ChatMessage::Role;

// What stands around messages. Content is trimmed where the models' own templates trim it.
struct Format {
  ChatFormat format;
  std::string_view name;
  std::array<std::string_view, 3> before;  // a message, by role
  std::string_view after;                  // a system or user message
  std::string_view after_reply;
  bool trims;
  std::string_view marker;  // a special token without which the format cannot be used
};
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
};
const Format& format_of(ChatFormat format) {
  return *std::ranges::find(kFormats, format, &Format::format);
}

void append(const Format& format, const ChatMessage& message, std::vector<Part>& parts) {
  parts.push_back({format.before[static_cast<size_t>(message.role)], true});
  parts.push_back(
      {format.trims ? trimmed(message.content) : std::string_view(message.content), false});
  parts.push_back({message.role == Role::assistant ? format.after_reply : format.after, true});
}
void append_opening(const Format& format, std::vector<Part>& parts) {
  const std::string_view opening = format.before[static_cast<size_t>(Role::assistant)];
  parts.push_back({opening, true});
}

std::vector<Part> conversation(const Format& format, std::span<const ChatMessage> messages) {
  std::vector<Part> parts;
  for (const ChatMessage& message : messages) append(format, message, parts);
  append_opening(format, parts);
  return parts;
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
  if (text.find("<|im_start|>") != text.npos) return ChatFormat::chatml;
  const std::string_view pre = tokenizer.vocabulary().pretokenizer;
  // Files without a template: by what their vocabulary has markers for.
  if (!text.empty() || tokenizer.vocabulary().kind != TokenizerKind::bpe) return std::nullopt;
  if (tokenizer.find("<|start_header_id|>")) return ChatFormat::llama3;
  if (tokenizer.find("<|im_start|>")) return ChatFormat::chatml;
  if (pre == "falcon3") return ChatFormat::falcon3;
  return std::nullopt;
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
  return ChatTemplate(format, tokenizer);
}

std::vector<int32_t> ChatTemplate::encode(std::span<const ChatMessage> messages) const {
  return tokenizer_->encode(conversation(format_of(format_), messages), true);
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages) const {
  std::string text;
  for (const Part& part : conversation(format_of(format_), messages)) text += part.text;
  return text;
}

std::vector<int32_t> ChatTemplate::next(std::string_view user) const {
  const Format& format = format_of(format_);
  const ChatMessage message{Role::user, std::string(user)};
  std::vector<Part> parts = {{format.after_reply, true}};
  append(format, message, parts);
  append_opening(format, parts);
  return tokenizer_->encode(parts, false);
}

}  // namespace bitnet
