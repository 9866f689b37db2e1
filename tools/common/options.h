// The options of a program: CLI11's, with three things that it lacks.
//   names       of one dash and several letters ("-ctk,--cache-type-k"), as llama.cpp has them
//   numbers     read strictly (numbers.h)
//   --help      each option with all its names, as they are to be written
// What the words of a command line mean is read in words.h; CLI11 gets them when nothing about them
// is ambiguous any more.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/common/numbers.h"

namespace bitnet {

namespace options_detail {
template <typename T>
struct NumberOf {
  using Type = T;
};
template <typename T>
struct NumberOf<std::optional<T>> {
  using Type = T;
};
template <typename T>
std::string shown(const T& value) {
  return fmt::format("{}", value);
}
template <typename T>
std::string shown(const std::optional<T>& value) {
  return value ? shown(*value) : std::string();
}
}  // namespace options_detail

class Options : public CLI::App {
 public:
  // version: "bitnet-run 1.0"
  Options(const std::string& name, const std::string& description, const std::string& version);

  // As CLI11's. Names may have one dash and several letters; a number (or an optional one) is read
  // strictly; of an option given twice the last counts, unless it is a vector: that takes all.
  template <typename T>
  CLI::Option* add_option(std::string_view names, T& variable, const std::string& description);
  CLI::Option* add_flag(std::string_view names, bool& variable, const std::string& description);
  // One of `choices`, in small or large letters; --help shows them.
  CLI::Option* add_choice(std::string_view names, std::string& variable,
                          const std::vector<std::string>& choices, const std::string& description);
  // -t: 1 to 1024, or -1 for `variable` = 0, the default. description without the default.
  CLI::Option* add_threads(int& variable, const std::string& description);

  // The option that is written like this ("-ctk", "--temp", "-n"), or null.
  const CLI::Option* find(std::string_view word) const;
  // Every way to write an option, as --help shows them: "-ctk", "--cache-type-k".
  std::vector<std::string> spellings(const CLI::Option& option) const;
  static bool is_list(const CLI::Option& option);

  // Notes about the command line are not printed where this flag was given ("--log-disable").
  void silence_notes_with(const char* flag) { silencer_ = flag; }
  bool notes_wanted() const { return silencer_ == nullptr || count(silencer_) == 0; }

 private:
  std::string with_two_dashes(std::string_view names);  // and remembers which had one

  std::set<std::string, std::less<>> one_dash_;  // "ctk"
  const char* silencer_ = nullptr;
};

// Checks of values, with messages that say what was wanted. one_of has small letters as choices
// and, as a transformation, makes the value small.
CLI::Validator one_of(std::vector<std::string> choices);
CLI::Validator between(double least, double most);

template <typename T>
CLI::Option* Options::add_option(std::string_view names, T& variable,
                                 const std::string& description) {
  using Value = typename options_detail::NumberOf<T>::Type;
  if constexpr (Number<Value>) {
    const auto check = [](const std::string& text) {
      const Result<Value> number = parse_number<Value>(text);
      return number ? std::string() : number.error().message;
    };
    CLI::Option* option = CLI::App::add_option(
        with_two_dashes(names),
        [&variable](const CLI::results_t& given) {
          const Result<Value> number = parse_number<Value>(given.back());
          if (number) variable = *number;
          return number.has_value();
        },
        description, false, [&variable] { return options_detail::shown(variable); });
    return option->check(CLI::Validator(check, ""))->type_name("N");
  } else {
    CLI::Option* option = CLI::App::add_option(with_two_dashes(names), variable, description);
    return option->allow_extra_args(false);  // of lists, too: a word belongs to one option
  }
}

}  // namespace bitnet
