// Conversations as the models were trained on them: built-in templates, chosen by architecture,
// vocabulary and the file's template. The template language (Jinja) is not interpreted; a model
// that none of these fits is refused.
//
//   bitnet   "User: Hi<|eot_id|>Assistant: "   BitNet-b1.58-2B-4T, whose file has a stale template
//   llama3   "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>..."
//   falcon3  "<|user|>\nHi\n<|assistant|>\n"
//   chatml   "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"   Falcon-E, BitCPM
//   qwen3    the same; the model opens <think>, or is given an empty thought (Bonsai)
//   qwen35   the same; <think> is opened for the model, messages are trimmed
//
// Models of the last two think before they answer. Thoughts of replies before the user's last
// message are no part of what such a model reads: conversations are written without them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/text/tokenizer.h"

namespace bitnet {

struct ChatMessage {
  enum class Role : uint8_t { system, user, assistant };
  Role role = Role::user;
  std::string content;
};

enum class ChatFormat : uint8_t { bitnet, llama3, falcon3, chatml, qwen3, qwen35 };
std::string_view name(ChatFormat format);
std::optional<ChatFormat> chat_format(std::string_view name);
std::string chat_format_names();  // "bitnet, llama3, ..."

class ChatTemplate {
 public:
  // `architecture` is general.architecture. The tokenizer must outlive the template.
  static Result<ChatTemplate> choose(std::string_view architecture, const Tokenizer& tokenizer);
  // A format by force; refused where the vocabulary lacks its markers.
  static Result<ChatTemplate> make(ChatFormat format, const Tokenizer& tokenizer);

  ChatFormat format() const { return format_; }

  // Models of this format can think, or be told not to.
  bool knows_thoughts() const;
  // Whether the next reply is to think, where the format knows thoughts. From the beginning: as
  // the file's template wants it, or true.
  void set_thinking(bool thinks) { thinks_ = thinks; }
  // What the prompt has begun of a thought that the reply goes on with: "<think>\n" or nothing.
  std::string_view begun_thought() const;
  // A reply as it came from the model, as a message. A thought that the reply was cut in is no
  // answer.
  ChatMessage reply(std::string_view text) const;

  // A whole conversation, from bos to the opening of the next reply.
  std::vector<int32_t> encode(std::span<const ChatMessage> messages) const;
  std::string render(std::span<const ChatMessage> messages) const;  // the same as text, without bos

  // The same step by step, so that nothing is evaluated twice:
  //   begin(system and first user message); generate until a stop token, which is not evaluated;
  //   next(user message): closes the reply, adds the message and opens the next reply.
  // Not for a format that knows thoughts: there a reply changes when the next message comes.
  std::vector<int32_t> begin(std::span<const ChatMessage> messages) const {
    return encode(messages);
  }
  std::vector<int32_t> next(std::string_view user) const;

 private:
  ChatTemplate(ChatFormat format, const Tokenizer& tokenizer, bool thinks)
      : format_(format), tokenizer_(&tokenizer), thinks_(thinks) {}
  ChatFormat format_;
  const Tokenizer* tokenizer_;
  bool thinks_;
};

}  // namespace bitnet
