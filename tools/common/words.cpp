#include "tools/common/words.h"

#include <algorithm>

#include "runtime/base/printable.h"
#include "tools/common/similar.h"

namespace bitnet {
namespace {

using enum Error::Kind;

// A word of an option: "--ctx_size=5" is {"--ctx-size", "5"}.
struct OptionWord {
  std::string name;
  std::optional<std::string> attached;
};

OptionWord split(const std::string& word) {
  const size_t equals = word.find('=');
  OptionWord out{.name = word.substr(0, equals), .attached = {}};
  if (equals != std::string::npos) out.attached = word.substr(equals + 1);
  if (word.starts_with("--")) std::ranges::replace(out.name, '_', '-');
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && !is_digit(word[1]) && word[1] != '.';
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
bool needs_value(const CLI::Option& option) { return option.get_items_expected_min() > 0; }

bool is_truth(std::string_view text) {
  return text == "true" || text == "false" || text == "on" || text == "off";
}

// What an option's checks say against a value; empty: nothing.
std::string objection(const CLI::Option& option, std::string value) {
  auto& checks = const_cast<CLI::Option&>(option);  // CLI11 has no const way to them
  try {
    for (int i = 0;; ++i) {
      std::string message = (*checks.get_validator(i))(value);
      if (!message.empty()) return message;
    }
  } catch (const CLI::OptionNotFound&) {
    return {};
  }
}

class Reader {
 public:
  Reader(const Options& options, std::span<const std::string> words)
      : options_(options), rest_(words) {}

  Result<Words> read() {
    while (!rest_.empty()) BITNET_CHECK(read_word(take()));
    return std::move(out_);
  }

 private:
  std::string take() {
    std::string word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }

  Result<void> read_word(const std::string& word) {
    if (only_positional_ || word.size() < 2 || word[0] != '-') return positional(word);
    if (word == "--") {
      only_positional_ = true;
      return {};
    }
    OptionWord parts = split(word);
    if (const CLI::Option* option = options_.find(parts.name)) return declared(*option, parts);
    if (const LlamaOption* option = find_llama_option(parts.name)) return foreign(*option, parts);
    if (const CLI::Option* option = with_number(word))
      return declared(*option, {word.substr(0, 2), word.substr(2)});
    return unknown(parts.name);
  }

  // The option of "-n128".
  const CLI::Option* with_number(const std::string& word) const {
    if (!std::all_of(word.begin() + 2, word.end(), is_digit)) return nullptr;
    const CLI::Option* option = options_.find(word.substr(0, 2));
    if (option == nullptr) return nullptr;
    const std::string type = option->get_type_name();
    return type == "N" || type == "LIST" ? option : nullptr;
  }

  Result<void> declared(const CLI::Option& option, OptionWord word) {
    std::optional<std::string> value = std::move(word.attached);
    if (!value && needs_value(option)) {
      if (rest_.empty())
        return fail(usage, "{}: wanted a value ({}) after it", word.name, option.get_type_name());
      value = take();
    } else if (!value && !is_flag(option) && next_may_belong_to(option)) {
      value = take();
    }
    return add({&option, word.name, std::move(value)});
  }

  bool next_may_belong_to(const CLI::Option& option) const {
    return !rest_.empty() && !looks_like_option(rest_.front()) &&
           objection(option, rest_.front()).empty();
  }

  Result<void> add(Given given) {
    const CLI::Option& option = *given.option;
    if (given.value && is_flag(option) && !is_truth(*given.value))
      return fail(usage, "{}={}: wanted no value", given.written, printable(*given.value));
    if (given.value && !is_flag(option)) {
      const std::string wrong = objection(option, *given.value);
      const std::string name = given.written.empty() ? option.get_name(true) : given.written;
      if (!wrong.empty()) return fail(usage, "{} {}: {}", name, printable(*given.value), wrong);
    }
    if (!Options::is_list(option)) BITNET_CHECK(forget(option));
    out_.given.push_back(std::move(given));
    return {};
  }

  // What was said before of an option that is said again. Not a word without an option: -p two
  // words -m FILE would lose one.
  Result<void> forget(const CLI::Option& option) {
    const auto before = std::ranges::find(out_.given, &option, &Given::option);
    if (before == out_.given.end()) return {};
    if (before->written.empty()) return too_many(*before->value);
    out_.given.erase(before);
    return {};
  }

  static std::unexpected<Error> too_many(const std::string& word) {
    return fail(usage, "{}: no option takes this word (a text of several words wants quotes)",
                printable(word));
  }

  Result<void> foreign(const LlamaOption& option, OptionWord word) {
    if (!option.instead.empty()) return fail(usage, "{}: {}", word.name, option.instead);
    std::optional<std::string> value = std::move(word.attached);
    if (!value && option.value == LlamaOption::Value::one) {
      if (rest_.empty() || looks_like_option(rest_.front()))
        return fail(usage, "{}: wanted a value after it", word.name);
      value = take();
    } else if (!value && !rest_.empty() && is_switch_value(rest_.front())) {
      value = take();
    }
    std::erase_if(out_.ignored, [&](const Ignored& i) { return i.option == &option; });
    out_.ignored.push_back({&option, value ? word.name + " " + printable(*value) : word.name});
    return {};
  }

  // The first positional option that has no value yet.
  Result<void> positional(const std::string& word) {
    for (const CLI::Option* option : options_.get_options()) {
      const bool taken =
          std::ranges::any_of(out_.given, [&](const Given& g) { return g.option == option; });
      if (option->get_positional() && (!taken || Options::is_list(*option)))
        return add({option, "", word});
    }
    return too_many(word);
  }

  Result<void> unknown(const std::string& name) {
    std::vector<std::string> known;
    for (const CLI::Option* option : options_.get_options())
      for (const std::string& written : options_.spellings(*option)) known.push_back(written);
    for (const LlamaOption& option : llama_options())
      for (const std::string& written : CLI::detail::split(std::string(option.names), ','))
        known.push_back(written);
    const std::string hint = most_similar(name, known);
    if (!hint.empty()) return fail(usage, "unknown option {}: is {} meant?", printable(name), hint);
    return fail(usage, "unknown option {}: see {} --help", printable(name), options_.get_name());
  }

  const Options& options_;
  std::span<const std::string> rest_;
  bool only_positional_ = false;
  Words out_;
};

}  // namespace

Result<Words> read_words(const Options& options, std::span<const std::string> words) {
  return Reader(options, words).read();
}

}  // namespace bitnet
