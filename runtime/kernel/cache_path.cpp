#include "runtime/kernel/cache_path.h"

#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace bitnet {
namespace {

constexpr std::string_view kSystemCaches = "/usr/share/bitnet";

// The XDG base directory specification: a relative path is ignored. A home that does not exist
// (Debian's system users have /nonexistent) is none, and is not made.
std::string user_caches() {
  const auto absolute = [](const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
  };
  if (std::string xdg = absolute("XDG_CACHE_HOME"); !xdg.empty()) return xdg + "/bitnet";
  std::error_code none;
  if (std::string home = absolute("HOME"); std::filesystem::is_directory(home, none))
    return home + "/.cache/bitnet";
  return {};
}

std::string cache_in(std::string_view folder, const Machine& machine, const std::string& shapes) {
  return fmt::format("{}/{}/{}.kc", folder, machine.id(), shapes);
}

}  // namespace

std::string default_cache_path(const Machine& machine, const std::string& shapes) {
  const std::string folder = user_caches();
  return folder.empty() ? folder : cache_in(folder, machine, shapes);
}

std::optional<std::string> find_cache(const Machine& machine, const std::string& shapes) {
  std::error_code ignored;  // a folder that cannot be searched holds no cache for us
  for (const std::string& path :
       {default_cache_path(machine, shapes), cache_in(kSystemCaches, machine, shapes)}) {
    if (!path.empty() && std::filesystem::exists(path, ignored)) return path;
  }
  return std::nullopt;
}

}  // namespace bitnet
