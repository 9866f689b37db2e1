#include "tools/common/options.h"

#include <algorithm>

namespace bitnet {
namespace {

constexpr int kMostThreads = 1024;

// CLI11's, but for the names: all of them, in the order -n, -ctk, --long.
class Layout : public CLI::Formatter {
 public:
  explicit Layout(const Options& options) : options_(options) {}

  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    if (is_positional) return option->get_name(true, false);
    std::string names;
    for (const std::string& name : options_.spellings(*option))
      names.append(names.empty() ? "" : ",").append(name);
    return names;
  }

 private:
  const Options& options_;
};

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string all;
  for (const std::string& word : words) all.append(all.empty() ? "" : separator).append(word);
  return all;
}

}  // namespace

Options::Options(const std::string& name, const std::string& description,
                 const std::string& version)
    : CLI::App(description, name) {
  set_help_flag("-h,--help,--usage", "print this and exit");
  set_version_flag("--version", version, "print the version and exit");
  formatter(std::make_shared<Layout>(*this));
}

// "-ctk,--cache-type-k" -> "--ctk,--cache-type-k"; a flag's "!-no-cnv" -> "!--no-cnv".
std::string Options::with_two_dashes(std::string_view names) {
  std::string out;
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    std::string_view name = names.substr(begin, end - begin);
    if (!out.empty()) out += ',';
    if (name.starts_with('!')) {
      out += '!';
      name.remove_prefix(1);
    }
    if (name.size() > 2 && name[0] == '-' && name[1] != '-') {
      one_dash_.emplace(name.substr(1));
      out += '-';
    }
    out += name;
    begin = end + 1;
  }
  return out;
}

CLI::Option* Options::add_flag(std::string_view names, bool& variable,
                               const std::string& description) {
  return CLI::App::add_flag(with_two_dashes(names), variable, description);
}

CLI::Option* Options::add_choice(std::string_view names, std::string& variable,
                                 const std::vector<std::string>& choices,
                                 const std::string& description) {
  return add_option(names, variable, description)
      ->transform(one_of(choices))
      ->type_name(joined(choices, "|"))
      ->capture_default_str();
}

CLI::Option* Options::add_threads(int& variable, const std::string& description) {
  const auto check = [](const std::string& text) {
    const Result<int> n = parse_number<int>(text);
    return n && (*n == -1 || (*n >= 1 && *n <= kMostThreads)) ? std::string()
                                                              : "wanted 1 to 1024, or -1";
  };
  return CLI::App::add_option(
             "-t,--threads",
             [&variable](const CLI::results_t& given) {
               const Result<int> n = parse_number<int>(given.back());
               if (n) variable = std::max(0, *n);
               return n.has_value();
             },
             description + " (-1, the default: physical cores that this process may use)")
      ->check(CLI::Validator(check, ""))
      ->type_name("N");
}

const CLI::Option* Options::find(std::string_view word) const {
  const bool two = word.starts_with("--");
  const std::string_view name = word.substr(std::min<size_t>(two ? 2 : 1, word.size()));
  if (name.empty() || (!two && name.size() > 1 && !one_dash_.contains(name))) return nullptr;
  for (const CLI::Option* option : get_options())
    if (has(two || name.size() > 1 ? option->get_lnames() : option->get_snames(), name))
      return option;
  return nullptr;
}

std::vector<std::string> Options::spellings(const CLI::Option& option) const {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames())
    if (one_dash_.contains(name)) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames())
    if (!one_dash_.contains(name)) names.push_back("--" + name);
  return names;
}

bool Options::is_list(const CLI::Option& option) {
  return option.get_expected_max() >= CLI::detail::expected_max_vector_size;
}

CLI::Validator one_of(std::vector<std::string> choices) {
  return {[choices = std::move(choices)](std::string& text) {
            const std::string lower = CLI::detail::to_lower(text);
            if (!has(choices, lower)) return "wanted one of " + joined(choices, ", ");
            text = lower;
            return std::string();
          },
          ""};
}

CLI::Validator between(double least, double most) {
  return {[least, most](const std::string& text) {
            const Result<double> n = parse_number<double>(text);
            return n && *n >= least && *n <= most ? std::string()
                                                  : fmt::format("wanted {} to {}", least, most);
          },
          ""};
}

}  // namespace bitnet
