// The activation of the gate. Three places may name it: the user, the file, the architecture.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/model/hparams.h"

namespace bitnet {

// By the names that model configurations use, in any case: "silu", "swish"; "relu2",
// "relu_squared", ...
std::optional<GateActivation> gate_activation(std::string_view name);
std::string_view name(GateActivation activation);  // "silu", "relu2"

// What the user asked for; else what the file says, which bitnet leaves open and the other
// architectures do not; else h.gate, but for a bitnet of the shape of 2B-4T.
Result<GateActivation> choose_activation(const Gguf& file, const Hparams& h,
                                         std::optional<GateActivation> asked,
                                         std::vector<std::string>& notices);

}  // namespace bitnet
