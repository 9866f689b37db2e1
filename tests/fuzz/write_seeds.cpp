// Writes the first corpus of fuzz_gguf: one small right model of each kind.   write_seeds FOLDER
#include <fmt/core.h>

#include <filesystem>
#include <string>

#include "runtime/base/atomic_file.h"
#include "tests/tiny_model.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: write_seeds FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  int count = 0;
  for (const auto& bytes : bitnet::testing::tiny_models()) {
    const auto written =
        bitnet::write_file_atomically(fmt::format("{}/seed-{}.gguf", folder, count++), bytes);
    if (!written) {
      fmt::print(stderr, "error: {}\n", written.error().message);
      return 1;
    }
  }
  return 0;
}
