// Errors as values. What depends on the world (files, models, arguments, generated code) returns
// Result<T>; what only a bug can cause is an assert. Nothing here throws, prints or exits.
//
// A message is one line, starts lower-case, has no full stop and says where, what was found and
// what was wanted:
//   model.gguf: blk.0.ffn_down.weight: K=6900 is not a multiple of the group size 256
#pragma once

#include <fmt/core.h>

#include <expected>
#include <string>
#include <utility>

namespace bitnet {

struct [[nodiscard]] Error {
  enum class Kind {
    invalid,      // a file or value is not what it claims to be
    unsupported,  // well-formed, but nothing here can do it
    not_found,    // no such file, tensor, key
    io,           // the system refused: read, write, map
    refused,      // a kernel cache failed its vetting
    interrupted,  // the user asked to stop
    usage,        // a command line that is not understood
    reader_left,  // the reader of stdout went away, which is no news to the user
  };
  Kind kind = Kind::invalid;
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

// return fail(Error::Kind::io, "{}: cannot open: {}", path, reason);
template <typename... Args>
std::unexpected<Error> fail(Error::Kind kind, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

// Adds "where: " in front of an error on its way up.
inline std::unexpected<Error> in(const std::string& where, Error error) {
  error.message = where + ": " + error.message;
  return std::unexpected(std::move(error));
}

}  // namespace bitnet

// BITNET_TRY(auto x, f()): x is the value, or the enclosing function returns the error.
#define BITNET_TRY(declaration, expression) \
  BITNET_TRY_NAMED(declaration, expression, BITNET_TRY_JOIN(result_, __LINE__))
// BITNET_CHECK(f()): for Result<void>.
#define BITNET_CHECK(expression)                       \
  if (auto check_result = (expression); !check_result) \
  return std::unexpected(std::move(check_result.error()))
#define BITNET_TRY_NAMED(declaration, expression, name)       \
  auto name = (expression);                                   \
  if (!name) return std::unexpected(std::move(name.error())); \
  declaration = std::move(*name)
#define BITNET_TRY_JOIN(a, b) BITNET_TRY_JOIN2(a, b)
#define BITNET_TRY_JOIN2(a, b) a##b
