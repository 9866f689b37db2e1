// A file mapped read-only. The mapping may outlive the file's name; if the file is truncated while
// mapped, reading past its new end would raise SIGBUS: install_truncation_guard turns that into a
// one-line error and exit code 1.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "runtime/base/result.h"

namespace bitnet {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const;
  const std::string& path() const;

  // For bytes that have been used up: their whole pages leave this process's memory (the system may
  // keep the file's contents cached) and would be read again if touched. Bytes elsewhere than in
  // this mapping are left alone. Thread-safe.
  void release(std::span<const std::byte> part) const;

  struct Mapping;

 private:
  std::unique_ptr<Mapping> mapping_;
};

// For main(): on SIGBUS inside any MappedFile writes "error: <path>: file was truncated while in
// use" to stderr with async-signal-safe calls only and exits with 1. Any other SIGBUS keeps its
// default action.
void install_truncation_guard();

}  // namespace bitnet
