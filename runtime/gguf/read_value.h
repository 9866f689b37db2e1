// One value of a GGUF file's metadata, checked: arrays stay where they are.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/gguf/cursor.h"
#include "runtime/gguf/reader.h"

namespace bitnet {

// The value of this type (GgufValueType as the file has it) at the cursor, which moves past it.
// `where` begins messages: "key general.name".
Result<GgufValue> read_value(Cursor& cursor, uint32_t type, const std::string& where);

}  // namespace bitnet
