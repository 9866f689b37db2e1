#include "runtime/model/gate_activation.h"

#include <algorithm>
#include <utility>

#include "runtime/base/printable.h"

namespace bitnet {
namespace {

using enum GateActivation;

constexpr std::pair<std::string_view, GateActivation> kNames[] = {
    {"silu", silu},          {"swish", silu},        {"swiglu", silu},
    {"relu2", relu2},        {"relu_2", relu2},      {"relu^2", relu2},
    {"relu_squared", relu2}, {"relusquared", relu2}, {"squared_relu", relu2},
    {"squaredrelu", relu2},  {"relu_square", relu2}, {"relu_sqr", relu2},
    {"sqrrelu", relu2},      {"sqr_relu", relu2},
};

// ReLU_Squared, relu-squared -> relu_squared
std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name)
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '-' || c == ' ' ? '_' : c;
  return out;
}

struct Said {
  std::string key;
  std::optional<GateActivation> activation;
};

Result<Said> what_the_file_says(const Gguf& file, const Hparams& h, bool asked) {
  Said said;
  for (const char* key : {".hidden_activation", ".hidden_act"}) {
    const std::string full = h.architecture + key;
    BITNET_TRY(const auto text, file.string_or_none(full));
    if (!text) continue;
    const auto found = gate_activation(*text);
    // Whoever asks for one by name knows better than an unknown name.
    if (!found && !asked)
      return fail(Error::Kind::unsupported, "{}: key {}: found \"{}\", wanted silu or relu2",
                  file.path(), full, printable(*text));
    if (said.activation && found != said.activation && !asked)
      return fail(Error::Kind::invalid, "{}: key {}: found \"{}\", wanted {} as {} has it",
                  file.path(), full, printable(*text), name(*said.activation), said.key);
    said = {full, found};
  }
  return said;
}

// BitNet-b1.58-2B-4T, which llama.cpp's converter writes as `bitnet` without its activation.
bool is_shape_of_2b4t(const Hparams& h) {
  return h.architecture == "bitnet" && h.hidden == 2560 && h.feed_forward == 6912 && h.layers == 30;
}

}  // namespace

std::optional<GateActivation> gate_activation(std::string_view text) {
  const auto found =
      std::ranges::find(kNames, plain(text), [](auto& entry) { return entry.first; });
  return found == std::end(kNames) ? std::nullopt : std::optional(found->second);
}

std::string_view name(GateActivation activation) { return activation == silu ? "silu" : "relu2"; }

Result<GateActivation> choose_activation(const Gguf& file, const Hparams& h,
                                         std::optional<GateActivation> asked,
                                         std::vector<std::string>& notices) {
  BITNET_TRY(const Said said, what_the_file_says(file, h, asked.has_value()));
  const bool open = h.architecture == "bitnet";
  const GateActivation own = said.activation       ? *said.activation
                             : is_shape_of_2b4t(h) ? relu2
                                                   : h.gate;
  if (asked) {
    if (*asked != own || (!said.key.empty() && !said.activation))
      notices.push_back(fmt::format("the activation is {} as asked for, against {}", name(*asked),
                                    said.key.empty() ? "what the architecture has" : said.key));
    return *asked;
  }
  if (said.activation && !open && *said.activation != h.gate)
    return fail(Error::Kind::unsupported,
                "{}: key {}: found {}, wanted {} as architecture {} has it", file.path(), said.key,
                name(*said.activation), name(h.gate), h.architecture);
  if (!said.activation && own != h.gate)
    notices.push_back(
        "the file does not say its activation: relu2 is assumed, as its shape is that of "
        "BitNet-b1.58-2B-4T (--activation silu changes it)");
  return own;
}

}  // namespace bitnet
