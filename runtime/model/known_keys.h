// What every metadata key that llama.cpp knows under `<architecture>.` means to this runtime. A key
// that changes what is computed is refused as an unknown tensor is, unless its value changes
// nothing: converters write many keys with neutral values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/hparams.h"

namespace bitnet {

enum class KeyUse : uint8_t {
  computed,    // read by read_hparams
  irrelevant,  // changes nothing here, whatever its value
  refused,     // unless its value changes nothing
};

// Where a value stands: what may make it neutral.
struct KeyScene {
  const Gguf& file;
  const Hparams& h;
  std::string prefix;  // "llama."
};
struct NeutralValues {
  std::string_view wanted;  // for the message
  bool (*contain)(const GgufValue& value, const KeyScene& scene) = nullptr;
};

struct KnownKey {
  std::string_view name;  // after "<architecture>."; a last * stands for any end
  KeyUse use = KeyUse::refused;
  NeutralValues neutral{};
  std::string_view effect{};  // what it would ask for
  std::string_view beside{};  // where this key is there and neutral, every value is
};
// Null: nobody knows it.
const KnownKey* find_known_key(std::string_view name);

// Refuses the first key of `file` that asks for what is not computed; says in `notices` which keys
// of the architecture nobody knows.
Result<void> check_keys(const Gguf& file, const Hparams& h, std::vector<std::string>& notices);

}  // namespace bitnet
