// Where caches lie: ${XDG_CACHE_HOME:-~/.cache}/bitnet/<machine id>/<shapes>.kc, then
// /usr/share/bitnet/<machine id>/. The first is empty where neither variable names a directory;
// find_cache gives the first of them that exists.
#pragma once

#include <optional>
#include <string>

#include "runtime/cpu/fingerprint.h"

namespace bitnet {

std::string default_cache_path(const Machine& machine, const std::string& shapes);
std::optional<std::string> find_cache(const Machine& machine, const std::string& shapes);

}  // namespace bitnet
