// One line of memory: what was asked (key), what was measured, and whether it is a trial or the
// choice that followed. A key holds all that a time depends on; the rest of the world is the
// machine's id.
//
//   trial  machine=… isa=… threads=… where=memory problem=qkv n=… k=… epilogue=1 m=1 kernel=…
//          hash=… ns=… ratio=… error=… samples=…
//   choice the same, with preset= objective= roof= builtin_ns= candidates=
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/kernel/problem.h"

namespace bitnet::tuner {

enum class RecordKind : uint8_t { trial, choice };

struct RecordKey {
  std::string machine{};  // Machine::id
  std::string isa{};      // the level that the search was limited to
  int threads = 1;
  // "memory" or "cache": where the model's packed weights live during a token.
  std::string residency;
  Problem problem{};  // count is not part of the key
  int64_t m_min = 1;  // token class, by its first number of tokens
  std::string objective = "balanced";
  std::string kernel_hash{};  // of packing and kernel template, not of the whole generator
  std::string kernel{};       // to_string(KernelName)
};

struct Record {
  RecordKind kind = RecordKind::trial;
  RecordKey key{};
  double nanoseconds = 0;  // of one call, median
  double ratio = 0;        // to the built-in kernel in the same rounds
  double error = 0;        // standard error of ratio, relative
  int samples = 0;
  // choices only
  std::string preset{};
  double roof_share = 0, builtin_nanoseconds = 0;
  int candidates = 0;  // how many the winner was chosen from
};

// Without checksum and newline. Every field is printed and required, in this order.
std::string to_text(const Record& record);
Result<Record> parse_record(std::string_view text);

// What must be equal for a choice to answer: all of the key but kernel and hash.
std::string question(const RecordKey& key);

}  // namespace bitnet::tuner
