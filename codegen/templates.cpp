// The embedded templates as codegen.h shows them, and the way from a name to its bitcode.

#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdlib>

#include "codegen/bitcode.h"

namespace bitnet::codegen {
namespace {

using enum Error::Kind;

// The text before the separator, or all of it, which is taken off `rest`.
std::string_view next(std::string_view& rest, char separator) {
  const std::string_view item = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(item.size() + 1, rest.size()));
  return item;
}

// "r=16,32 k=512" -> {r, {16, 32}}, {k, {512}}. The build writes it, so a mistake is a bug of
// embed.cmake.
std::vector<std::pair<std::string, std::vector<int64_t>>> parse_choices(std::string_view text) {
  std::vector<std::pair<std::string, std::vector<int64_t>>> choices;
  while (!text.empty()) {
    std::string_view values = next(text, ' ');
    choices.emplace_back(next(values, '='), std::vector<int64_t>());
    while (!values.empty()) {
      const std::string_view number = next(values, ',');
      int64_t value = 0;
      std::from_chars(number.data(), number.data() + number.size(), value);
      choices.back().second.push_back(value);
    }
  }
  return choices;
}

std::vector<std::pair<std::string, int64_t>> parse_defaults(std::string_view text) {
  std::vector<std::pair<std::string, int64_t>> defaults;
  for (const auto& [key, values] : parse_choices(text)) defaults.emplace_back(key, values.front());
  return defaults;
}

std::vector<std::string> parse_layout(std::string_view text) {
  std::vector<std::string> layout;
  while (!text.empty()) layout.emplace_back(next(text, ' '));
  return layout;
}

// What the build made and cannot be had is a bug of the build: never a template of another level,
// nor one without a hash, under which old measurements would pass for its own.
auto made_by_the_build(auto found) {
  if (!found) {
    assert(false && "an embedded template");
    std::abort();
  }
  return std::move(*found);
}

std::vector<Template> make_templates() {
  std::vector<Template> list;
  for (const EmbeddedTemplate& e : embedded_templates()) {
    list.push_back({.kernel = std::string(e.kernel),
                    .packing = std::string(e.packing),
                    .form = std::string(e.form),
                    .isa = made_by_the_build(parse_isa(e.isa)),
                    .m_min = e.m_min,
                    .m_max = e.m_max,
                    .layout = parse_layout(e.layout),
                    .defaults = parse_defaults(e.defaults),
                    .choices = parse_choices(e.choices),
                    .hash = made_by_the_build(bitcode_hash(e.bitcode))});
  }
  return list;
}

// The parameters of a name are its template's, in order, each with one of its choices.
Result<void> check_parameters(const KernelName& wanted, std::string_view choices_text) {
  const auto choices = parse_choices(choices_text);
  if (wanted.parameters.size() != choices.size())
    return fail(invalid, "{}: {} parameters, the template has {}", to_string(wanted),
                wanted.parameters.size(), choices.size());
  for (size_t i = 0; i < choices.size(); ++i) {
    const auto& [key, value] = wanted.parameters[i];
    if (key != choices[i].first)
      return fail(invalid, "{}: found parameter {}, wanted {}", to_string(wanted), key,
                  choices[i].first);
    if (std::ranges::find(choices[i].second, value) == choices[i].second.end())
      return fail(invalid, "{}: {}={} is none of {}", to_string(wanted), key, value,
                  fmt::join(choices[i].second, ", "));
  }
  return {};
}

}  // namespace

const std::vector<Template>& templates() {
  static const std::vector<Template> list = make_templates();
  return list;
}

const Template* find_template(const KernelName& name) {
  const auto& all = templates();
  const auto found = std::ranges::find_if(all, [&](const Template& t) {
    return t.kernel == name.kernel && t.packing == name.packing && t.isa == name.isa;
  });
  return found == all.end() ? nullptr : &*found;
}

Result<Object> specialise(const Spec& spec) {
  const KernelName& wanted = spec.name;
  for (const EmbeddedTemplate& e : embedded_templates()) {
    if (e.kernel != wanted.kernel || e.packing != wanted.packing || e.isa != name(wanted.isa))
      continue;
    BITNET_CHECK(check_parameters(wanted, e.choices));
    return specialise_bitcode(e.bitcode, spec);
  }
  return fail(not_found, "{}: no template {} over {} at {}", to_string(wanted), wanted.kernel,
              wanted.packing, name(wanted.isa));
}

}  // namespace bitnet::codegen
