#include "tuner/cache_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/base/atomic_file.h"
#include "runtime/kernel/cache.h"
#include "runtime/kernel/cache_elf.h"
#include "tuner/folder_lock.h"

namespace bitnet::tuner {
namespace {

const OutputKind kCache{.name = "a kernel cache", .recognises = looks_like_cache};

// Nothing where the file is new or no regular one: reading a device or a FIFO could last for ever.
std::vector<std::byte> read_if_there(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return {};
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string folder_of(const std::string& path) {
  std::error_code none;
  return std::filesystem::absolute(path, none).parent_path().string();
}

}  // namespace

Result<void> check_cache_output(const std::string& path, const OutputPolicy& policy) {
  return check_output(path, kCache, policy);
}

Result<void> check_usual_cache(const std::string& path) {
  std::error_code error;
  const std::string folder = folder_of(path);
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Error::Kind::io, "{}: cannot create: {}", folder, error.message());
  return check_output(path, kCache, {.inputs = {}, .force = true});
}

Result<void> write_cache_file(const std::string& path, const Plan& plan, const Machine& machine,
                              const IsaSet& isa, const std::vector<Problem>& problems,
                              std::vector<std::string>& notices) {
  const auto lock = FolderLock::take(folder_of(path));
  if (!lock) notices.push_back(lock.error().message);
  BITNET_TRY(const std::vector<std::byte> bytes,
             link_plan(plan, machine, isa, problems, read_if_there(path), notices));
  if (auto vetted = vet_cache(bytes, isa, shape_digest(problems)); !vetted) {
    return in("the new cache", std::move(vetted.error()));
  }
  return write_file_atomically(path, bytes);
}

}  // namespace bitnet::tuner
