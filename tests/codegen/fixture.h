// A cache of the small template tests/codegen/leaf.c, for the tests of codegen and of the loader.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "codegen/bitcode.h"
#include "codegen/codegen.h"
#include "runtime/kernel/cache.h"

namespace bitnet::codegen {

inline std::string read_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Bitcode that tests/CMakeLists.txt made: "leaf_x86_64", "broken_CALL" (of this architecture).
inline std::string fixture_bitcode(const std::string& name) {
  return read_text(BITNET_BINARY_DIR "/tests/" + name + ".bc");
}

inline std::string leaf_bitcode(std::string_view architecture = kArchitecture) {
  return fixture_bitcode("leaf_" + std::string(architecture));
}
// The other of the two, for what must be refused here.
constexpr std::string_view kForeign = kArchitecture == "x86_64" ? "aarch64" : "x86_64";

inline Spec leaf_spec(int64_t step = 4, int64_t n = 0, int64_t k = 0, Isa isa = Isa::scalar) {
  return {.name = {"leaf", "bytes", isa, {{"step", step}, {"bias", 0}}}, .n = n, .k = k};
}

inline Object leaf_object(const Spec& spec = leaf_spec(),
                          std::string_view architecture = kArchitecture) {
  auto object = specialise_bitcode(leaf_bitcode(architecture), spec);
  EXPECT_TRUE(object) << object.error().message;
  return object ? std::move(*object) : Object{};
}

constexpr const char* kLeafShapes = "0123456789abcdef";
inline Problem leaf_problem() {
  return {.kind = ProblemKind::qkv, .n = 5, .k = 48, .epilogue = BN_SCALED, .count = 2};
}

inline BnSizes leaf_sizes(int64_t n, int64_t k) {
  return {.packed_bytes = n * k,
          .form_group_tokens = 1,
          .form_group_bytes = k,
          .scratch_bytes = 0,
          .exact_k = BN_MAX_K,
          .row_step = 1,
          .token_step = 1,
          .split = BN_SPLIT_ROWS};
}

inline Machine leaf_machine() {
  return {
      .cpu = "Testing CPU family 1", .isa_levels = "scalar", .cache_bytes = {32768}, .cores = 2};
}

// A plan for 1 and one for 4 threads, each with the leaf for its one problem.
inline Manifest leaf_manifest(const Spec& spec = leaf_spec()) {
  const Problem problem = leaf_problem();
  Manifest manifest;
  manifest.tool_version = "test";
  manifest.shapes = kLeafShapes;
  manifest.machine = leaf_machine();
  manifest.kernels.push_back({.name = to_string(spec.name),
                              .packing_key = "bytes",
                              .form = "bytes",
                              .sizes = leaf_sizes(problem.n, problem.k),
                              .symbol_prefix = ""});
  const ProblemRecord record{.problem = problem,
                             .classes = {{.m_min = 1,
                                          .m_max = 1,
                                          .kernel = 0,
                                          .nanoseconds = 12.5,
                                          .builtin_nanoseconds = 20,
                                          .roof_share = 0.5},
                                         {.m_min = 2, .m_max = kAnyTokens, .kernel = 0}}};
  manifest.plans.push_back({.threads = 1, .objective = "balanced", .problems = {record}});
  manifest.plans.push_back({.threads = 4, .objective = "balanced", .problems = {record}});
  return manifest;
}

inline std::vector<std::byte> leaf_cache() {
  const std::vector<Object> objects = {leaf_object()};
  auto bytes = link_cache(objects, leaf_manifest());
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? std::move(*bytes) : std::vector<std::byte>();
}

}  // namespace bitnet::codegen
