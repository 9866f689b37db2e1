#include "tools/common/command_line.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "tools/common/console.h"
#include "tools/common/words.h"

namespace bitnet {
namespace {

bool asks_for(const Words& words, const CLI::Option* option) {
  return std::ranges::any_of(words.given, [&](const Given& g) { return g.option == option; });
}

// The name by which CLI11 is to know it: a long one, as a flag's negative name means something else
// than the others; a short one only where there is no other.
std::string name_for_cli11(const Given& given) {
  if (given.written.size() > 2)
    return given.written.starts_with("--") ? given.written : "-" + given.written;
  const std::vector<std::string>& names = given.option->get_lnames();
  return names.empty() ? given.written : "--" + names.front();
}

// As CLI11 reads them in one way only: long names with two dashes, positional values last.
std::vector<std::string> for_cli11(const Words& words) {
  std::vector<std::string> out, positional;
  for (const Given& given : words.given) {
    const CLI::Option& option = *given.option;
    const std::string name = name_for_cli11(given);
    if (given.written.empty()) {
      positional.push_back(*given.value);
    } else if (!given.value) {
      out.push_back(name);
    } else if (option.get_items_expected_min() > 0) {
      out.insert(out.end(), {name, *given.value});
    } else {
      out.push_back(name + "=" + *given.value);
    }
  }
  out.emplace_back("--");
  out.insert(out.end(), positional.begin(), positional.end());
  return out;
}

std::string note_of(const Words& words) {
  std::string all;
  for (const Ignored& ignored : words.ignored)
    all.append(all.empty() ? "" : ", ").append(ignored.text);
  return all.empty() ? all : "note: ignored, of no meaning here: " + all + "\n";
}

Result<void> convert(Options& options, std::vector<std::string> words) {
  std::ranges::reverse(words);  // CLI11 takes them from the back
  try {
    options.parse(std::move(words));
  } catch (const CLI::RequiredError& missing) {
    return fail(Error::Kind::usage, "{}, see {} --help", missing.what(), options.get_name());
  } catch (const CLI::ParseError& error) {
    const std::string_view text = error.what();
    return fail(Error::Kind::usage, "{}", text.substr(0, text.find('\n')));
  }
  return {};
}

Result<bool> answer(const Options& options, const Words& words) {
  Output out;
  if (asks_for(words, options.get_help_ptr())) {
    BITNET_CHECK(out.write(options.help()));
  } else if (asks_for(words, options.get_version_ptr())) {
    BITNET_CHECK(out.write(options.version() + "\n"));
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Parsed> parse_command_line(Options& options, int argc, char** argv) {
  const std::vector<std::string> given(argv + std::min(argc, 1), argv + argc);
  BITNET_TRY(const Words words, read_words(options, given));
  BITNET_TRY(const bool answered, answer(options, words));
  if (answered) return Parsed{.answered = true, .note = {}};
  BITNET_CHECK(convert(options, for_cli11(words)));
  return Parsed{.answered = false, .note = options.notes_wanted() ? note_of(words) : ""};
}

}  // namespace bitnet
