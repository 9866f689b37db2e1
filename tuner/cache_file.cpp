#include "tuner/cache_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "runtime/base/mapped_file.h"
#include "runtime/kernel/cache.h"

namespace bitnet::tuner {
namespace {

std::vector<std::byte> read_if_there(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Result<void> check_writable(const std::filesystem::path& path) {
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(Error::Kind::io, "{}: cannot create: {}", folder.string(), error.message());
  if (access(folder.c_str(), W_OK) != 0) {
    return fail(Error::Kind::io, "{}: cannot write there: {}", folder.string(),
                std::strerror(errno));
  }
  if (std::filesystem::is_directory(path, error))
    return fail(Error::Kind::io, "{}: a folder, wanted a file to write", path.string());
  return {};
}

Result<void> write_cache_file(const std::string& path, const Plan& plan, const Machine& machine,
                              const IsaSet& isa, const std::vector<Problem>& problems,
                              std::vector<std::string>& notices) {
  BITNET_TRY(const std::vector<std::byte> bytes,
             link_plan(plan, machine, isa, problems, read_if_there(path), notices));
  if (auto vetted = vet_cache(bytes, isa, shape_digest(problems)); !vetted) {
    return in("the new cache", std::move(vetted.error()));
  }
  return write_file_atomically(path, bytes);
}

}  // namespace bitnet::tuner
