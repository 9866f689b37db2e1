// Wisdom: the latest choice for every question ever asked on this machine, sorted, one a line, so
// that diff explains a change. Derived from the trials log and thrown away at will. Read all or
// nothing: a bad line refuses the file.
//
//   wisdom 1 machine=a91c77e0
//   choice machine=a91c77e0 isa=avx512vnni threads=2 where=memory problem=gate_up n=13824 k=2560
//   epilogue=4 m=1 objective=balanced hash=… kernel=gemv_… ns=… ratio=… error=… samples=… preset=…
//   roof=… builtin_ns=… candidates=…
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "tuner/records.h"

namespace bitnet::tuner {

// By question.
using Wisdom = std::map<std::string, Record>;

// Later choices replace earlier ones; other machines' are left out.
Wisdom derive_wisdom(std::span<const Record> records, const std::string& machine);
std::string to_text(const Wisdom& wisdom, const std::string& machine);
Result<Wisdom> parse_wisdom(std::string_view text, const std::string& where,
                            const std::string& machine);

bool looks_like_wisdom(std::string_view head);

}  // namespace bitnet::tuner
