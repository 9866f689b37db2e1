#include "tools/common/command_line.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tools/common/console.h"

namespace bitnet {

Result<bool> parse_command_line(CLI::App& app, int argc, char** argv,
                                std::span<const OneDash> one_dash) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  for (std::string& word : words) {
    const auto known = std::ranges::find(one_dash, word, &OneDash::first);
    if (known != one_dash.end()) word = known->second;
  }
  std::ranges::reverse(words);  // CLI11 takes them from the back
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& asked) {
    std::ostringstream text;
    app.exit(asked, text, text);
    BITNET_CHECK(Output().write(text.str()));
    return true;
  } catch (const CLI::ParseError& error) {
    const std::string_view text = error.what();
    return fail(Error::Kind::usage, "{}", text.substr(0, text.find('\n')));
  }
  return false;
}

}  // namespace bitnet
