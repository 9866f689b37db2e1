// Prints and parses kernel names: <kernel>_<packing>_<isa>__<parameters>. Kernel, packing and ISA
// hold no underscore; a parameter is a short lower-case key and a number without sign, in the
// template's own order.
#include <algorithm>
#include <charconv>

#include "runtime/kernel/kernel.h"

namespace bitnet {
namespace {

Result<std::pair<std::string, int64_t>> parse_parameter(std::string_view text,
                                                        std::string_view whole) {
  const size_t digits = text.find_first_of("0123456789");
  int64_t value = 0;
  if (digits != 0 && digits != text.npos) {
    const auto [end, error] =
        std::from_chars(text.data() + digits, text.data() + text.size(), value);
    const bool lower = text.substr(0, digits).find_first_not_of("abcdefghijklmnopqrstuvwxyz") ==
                       std::string_view::npos;
    if (lower && error == std::errc() && end == text.data() + text.size())
      return std::pair{std::string(text.substr(0, digits)), value};
  }
  return fail(Error::Kind::invalid,
              "kernel name \"{}\": found parameter \"{}\", wanted letters and a number", whole,
              text);
}

// The pieces of text between underscores; empty ones are kept.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('_', begin), text.size());
    pieces.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return pieces;
}

}  // namespace

std::optional<int64_t> KernelName::parameter(std::string_view key) const {
  for (const auto& [name, value] : parameters)
    if (name == key) return value;
  return std::nullopt;
}

std::string to_string(const KernelName& name) {
  std::string text = fmt::format("{}_{}_{}_", name.kernel, name.packing, bitnet::name(name.isa));
  for (const auto& [key, value] : name.parameters) text += fmt::format("_{}{}", key, value);
  return text;
}

Result<KernelName> parse_kernel_name(std::string_view text) {
  const size_t gap = text.find("__");
  const auto head = split(text.substr(0, gap));
  if (gap == text.npos || head.size() != 3 || head[0].empty() || head[1].empty())
    return fail(Error::Kind::invalid,
                "kernel name \"{}\": wanted <kernel>_<packing>_<isa>__<parameters>", text);
  const std::optional<Isa> isa = parse_isa(head[2]);
  if (!isa)
    return fail(Error::Kind::unsupported, "kernel name \"{}\": \"{}\" is no known ISA level", text,
                head[2]);
  KernelName name{std::string(head[0]), std::string(head[1]), *isa, {}};
  for (const std::string_view piece : split(text.substr(gap + 2))) {
    BITNET_TRY(auto parameter, parse_parameter(piece, text));
    name.parameters.push_back(std::move(parameter));
  }
  return name;
}

}  // namespace bitnet
