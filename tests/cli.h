// The built programs as their users meet them: run in a shell, with what they print and their exit
// codes. A test that includes this names them: BITNET_RUN, BITNET_PROGRAMS (the folder of all).
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/small_models.h"

namespace bitnet {

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Ran {
  int code = -1;
  std::string out, err;
};

class Cli : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("bitnet-cli-{}", getpid());
    std::filesystem::create_directories(folder_);
    setenv("XDG_CACHE_HOME", (folder_ / "no-caches").c_str(), 1);  // nobody's tuned kernels
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Runs `PROGRAM ARGUMENTS` in a shell; redirections may stand among the arguments.
  Ran run_program(const std::string& program, const std::string& arguments,
                  const std::string& before = "") {
    const std::filesystem::path out = folder_ / "out", err = folder_ / "err";
    const std::string command = fmt::format("{{ {} '{}' {} ; }} > '{}' 2> '{}'", before, program,
                                            arguments, out.string(), err.string());
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contents(out),
            contents(err)};
  }
  Ran run(const std::string& arguments, const std::string& before = "") {
    return run_program(BITNET_RUN, arguments, before);
  }
  Ran run_tool(const std::string& name, const std::string& arguments) {
    return run_program(BITNET_PROGRAMS "/bitnet-" + name, arguments);
  }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }

  // One line to stderr, beginning with "error: " and holding `part`; nothing on stdout.
  static void expect_error_of(const Ran& ran, const std::string& what, int code,
                              const std::string& part) {
    EXPECT_EQ(ran.code, code) << what << "\n" << ran.err;
    EXPECT_EQ(ran.out, "") << what;
    const size_t error = ran.err.rfind("error: ");
    ASSERT_NE(error, std::string::npos) << what << "\n" << ran.err;
    EXPECT_NE(ran.err.find(part, error), std::string::npos) << what << "\n" << ran.err;
    EXPECT_EQ(ran.err.find('\n', error), ran.err.size() - 1) << ran.err;
  }
  void expect_error(const std::string& arguments, int code, const std::string& part) {
    expect_error_of(run(arguments), arguments, code, part);
  }

  static std::string receipt_of(const Ran& ran) {
    const size_t at = ran.err.find("receipt ");
    return at == std::string::npos ? "none: " + ran.err
                                   : ran.err.substr(at, ran.err.find('\n', at) - at);
  }

  const std::string demo_ = BITNET_SOURCE_DIR "/models/test.gguf";
  std::filesystem::path folder_;
};

}  // namespace bitnet
