// Compares texts, ids and prompts with what other programs made of them.
//   check_text VOCABULARY.gguf CASES     CASES: see text_cases.mjs
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "runtime/gguf/reader.h"
#include "runtime/text/chat.h"
#include "runtime/text/tokenizer.h"

namespace bitnet {
namespace {

using Ids = std::vector<int32_t>;

// Ends the program where the file ends too early.
class Reader {
 public:
  explicit Reader(const char* path) : file_(path, std::ios::binary) {}
  bool at_end() { return file_.peek() == std::ifstream::traits_type::eof(); }
  uint8_t byte() { return value<uint8_t>(); }
  uint32_t number() { return value<uint32_t>(); }
  std::string text() {
    std::string text(number(), 0);
    read(text.data(), text.size());
    return text;
  }
  Ids ids() {
    Ids ids(number());
    read(ids.data(), ids.size() * sizeof(int32_t));
    return ids;
  }

 private:
  template <typename T>
  T value() {
    T value;
    read(&value, sizeof value);
    return value;
  }
  void read(void* to, size_t bytes) {
    if (file_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes))) return;
    std::fprintf(stderr, "the file of cases is cut\n");
    std::exit(1);
  }
  std::ifstream file_;
};

std::string shown(const Ids& ids) { return fmt::format("{}", fmt::join(ids, " ")); }

class Check {
 public:
  explicit Check(const Gguf& file) : file_(file) {}

  // From now on the vocabulary is with this chat template, for which the format is chosen.
  Result<void> use_template(Reader& in) {
    const std::string format = in.text();
    template_ = in.text();
    BITNET_TRY(Vocabulary vocabulary, Vocabulary::read(file_));
    vocabulary.chat_template = template_;
    BITNET_TRY(tokenizer_, Tokenizer::make(std::move(vocabulary)));
    BITNET_TRY(const std::string_view architecture, file_.string_value("general.architecture"));
    BITNET_TRY(chat_, ChatTemplate::choose(architecture, *tokenizer_));
    if (format == name(chat_->format())) return {};
    return fail(Error::Kind::invalid, "the chat format chosen is {}, wanted {}",
                name(chat_->format()), format);
  }

  void text(Reader& in) {
    const bool parse = in.byte() != 0;
    const std::string text = in.text();
    const Ids want = in.ids(), got = tokenizer_->encode(text, false, parse);
    expect(got, want, text);
    // SentencePiece's spaces after special tokens do not tell whether they were in the text.
    const bool comes_back =
        !tokenizer_->vocabulary().add_space_prefix || std::ranges::none_of(got, [&](int32_t id) {
          const TokenType type = tokenizer_->vocabulary().types[static_cast<size_t>(id)];
          return type == TokenType::control || type == TokenType::user_defined;
        });
    if (comes_back) expect(tokenizer_->decode(got, true), text, "decoded");
    ++texts_;
    decoded_ += comes_back ? 1 : 0;
  }

  void conversation(Reader& in) {
    ChatTemplate chat = *chat_;
    if (const uint8_t thinks = in.byte(); thinks < 2) chat.set_thinking(thinks != 0);
    std::vector<ChatMessage> messages(in.number());
    for (ChatMessage& message : messages) {
      message.role = static_cast<ChatMessage::Role>(in.byte());
      message.content = in.text();
    }
    const std::string prompt = in.text();
    expect(chat.render(messages), prompt, "rendered");
    Ids want = in.ids();
    if (tokenizer_->vocabulary().add_bos) want.insert(want.begin(), *tokenizer_->bos());
    expect(chat.encode(messages), want, prompt);
    ++conversations_;
  }

  // The exit code.
  int summary(const char* name) const {
    std::printf("%s: %d texts, %d of them decoded, %d conversations, %d differences\n", name,
                texts_, decoded_, conversations_, differences_);
    return differences_ == 0 && texts_ > 0 && conversations_ > 0 ? 0 : 1;
  }

 private:
  void expect(const std::string& got, const std::string& want, const char* what) {
    if (got != want) report(what, got, want);
  }
  void expect(const Ids& got, const Ids& want, const std::string& text) {
    if (got != want) report(text, shown(got), shown(want));
  }
  void report(const std::string& what, const std::string& got, const std::string& want) {
    constexpr int kShown = 5;
    if (++differences_ <= kShown)
      std::printf("--- %s\ngot  %s\nwant %s\n", what.c_str(), got.c_str(), want.c_str());
  }

  const Gguf& file_;
  std::string template_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<ChatTemplate> chat_;
  int texts_ = 0, decoded_ = 0, conversations_ = 0, differences_ = 0;
};

Result<int> run(const char* vocabulary, const char* cases) {
  BITNET_TRY(const Gguf file, Gguf::open(vocabulary));
  Reader in(cases);
  Check check(file);
  BITNET_CHECK(check.use_template(in));
  while (!in.at_end()) {
    switch (in.byte()) {
      case 'F':
        BITNET_CHECK(check.use_template(in));
        break;
      case 'T':
        check.text(in);
        break;
      default:
        check.conversation(in);
    }
  }
  return check.summary(cases);
}

}  // namespace
}  // namespace bitnet

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto code = bitnet::run(argv[1], argv[2]);
  if (!code) std::fprintf(stderr, "error: %s\n", code.error().message.c_str());
  return code.value_or(1);
}
