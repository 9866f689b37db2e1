// Every tool under every hardship: streams that are closed, full or without a reader, no threads,
// little memory, no home, outputs that are no plain files. What is wanted of all of them: one line
// that says what is wrong, a sensible exit code, no signal, nothing lost.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/small_models.h"

namespace bitnet {
namespace {

namespace fs = std::filesystem;

struct Tool {
  std::string name;
  std::function<std::vector<std::string>(const std::string& model, const std::string& output)>
      arguments;
  bool writes;      // makes the file `output`
  bool code_maker;  // links LLVM
};

#if defined(__x86_64__)
[[maybe_unused]] constexpr const char* kLevel = "ssse3";
#else
[[maybe_unused]] constexpr const char* kLevel = "neon";
#endif

const Tool kTools[] = {
    {"bitnet-run",
     [](const auto& model, const auto&) {
       return std::vector<std::string>{model, "-p", "Once", "-n", "3", "--temp", "0", "-t", "2"};
     },
     false, false},
    {"bitnet-bench",
     [](const auto& model, const auto&) {
       return std::vector<std::string>{model, "-p", "4", "-n", "2", "-r", "1", "-t", "2"};
     },
     false, false},
    {"bitnet-synth",
     [](const auto&, const auto& output) {
       return std::vector<std::string>{"tiny", output, "-t", "2"};
     },
     true, false},
#ifdef BITNET_WITH_TUNER
    {"bitnet-tune",
     [](const auto& model, const auto& output) {
       return std::vector<std::string>{model,   "-o",       output, "--preset",
                                       "quick", "--budget", "0.1s", "--max-trials",
                                       "1",     "-t",       "2"};
     },
     true, true},
    {"bitnet-report",
     [](const auto& model, const auto& output) {
       return std::vector<std::string>{model,  "--isa", kLevel, "--max-trials", "4", "--markdown",
                                       output, "-t",    "2"};
     },
     true, true},
#endif
};

void PrintTo(const Tool& tool, std::ostream* out) { *out << tool.name; }

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

constexpr int kTookTooLong = 1000;  // a program that was stopped by its alarm

struct Ran {
  int code = -1;  // 128 + number for a signal
  std::string out, err;
};

using Prepare = std::function<void()>;  // in the child, before the program: may do anything

class EveryTool : public testing::TestWithParam<Tool> {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("bitnet-conditions-{}", getpid());
    fs::create_directories(folder_ / "home");
    fs::permissions(folder_, fs::perms{0777});
    output_ = folder_ / "output";
    model_ = small_model_files().path(kSmallModels[0]);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Ran run(const Prepare& prepare, std::vector<std::string> arguments) const {
    const std::string program = std::string(BITNET_PROGRAMS) + "/" + GetParam().name;
    const fs::path out = folder_ / "stdout", err = folder_ / "stderr";
    fs::remove(out), fs::remove(err);
    const pid_t child = fork();
    if (child == 0) {
      for (const auto& [stream, path] : {std::pair(1, out), std::pair(2, err)}) {
        const int file = open(path.c_str(), O_WRONLY | O_CREAT, 0666);
        dup2(file, stream);
        close(file);
      }
      setenv("HOME", (folder_ / "home").c_str(), 1);
      unsetenv("XDG_CACHE_HOME");
      alarm(120);
      prepare();
      arguments.insert(arguments.begin(), program);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv(program.c_str(), argv.data());
      _exit(126);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const int code = WIFEXITED(status)                                    ? WEXITSTATUS(status)
                     : WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? kTookTooLong
                                                                          : 128 + WTERMSIG(status);
    return {code, contents(out), contents(err)};
  }
  Ran run(const Prepare& prepare) const {
    return run(prepare, GetParam().arguments(model_, output_));
  }

  void expect_done(const Ran& ran) const {
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err.find("error: "), ran.err.npos) << ran.err;
    if (GetParam().writes) EXPECT_GT(fs::file_size(output_), 100U);
  }
  static void expect_one_error(const Ran& ran, const std::string& part) {
    EXPECT_EQ(ran.code, 1) << ran.err;
    EXPECT_EQ(count(ran.err, "error: "), 1U) << ran.err;
    EXPECT_NE(ran.err.find(part, ran.err.find("error: ")), ran.err.npos) << ran.err;
    EXPECT_TRUE(ran.err.ends_with("\n"));
  }
  bool foreign_user_can_run() const {
    const std::string program = std::string(BITNET_PROGRAMS) + "/" + GetParam().name;
    const pid_t child = fork();
    if (child == 0) {
      become_nobody();
      _exit(access(program.c_str(), X_OK) == 0 && access(model_.c_str(), R_OK) == 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  static void become_nobody() {
    if (geteuid() != 0) return;
    if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(125);
  }

  fs::path folder_, output_;
  std::string model_;
};

void full(int stream) {
  const int device = open("/dev/full", O_WRONLY);
  dup2(device, stream);
  close(device);
}

void without_reader(int stream) {
  int ends[2];
  if (pipe(ends) != 0) _exit(125);
  dup2(ends[1], stream);
  close(ends[0]), close(ends[1]);
}

TEST_P(EveryTool, WorksWhereNothingIsWrong) {
  const Ran ran = run([] {});
  expect_done(ran);
  EXPECT_FALSE(ran.out.empty());
}

// Results that nobody gets are an error; what was written to files is not lost.
TEST_P(EveryTool, StdoutFull) {
  const Ran ran = run([] { full(1); });
  expect_one_error(ran, "stdout: No space left on device");
  if (GetParam().writes) EXPECT_GT(fs::file_size(output_), 100U);
}
TEST_P(EveryTool, StdoutClosed) {
  const Ran ran = run([] { close(1); });
  expect_one_error(ran, "stdout: Bad file descriptor");
  if (GetParam().writes) EXPECT_GT(fs::file_size(output_), 100U);
}
TEST_P(EveryTool, StdoutWithoutReader) {
  const Ran ran = run([] { without_reader(1); });
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_EQ(ran.err.find("error: "), ran.err.npos) << ran.err;  // | head is no error to talk about
  if (GetParam().writes) EXPECT_GT(fs::file_size(output_), 100U);
}
TEST_P(EveryTool, HelpAndVersionOnAFullStdout) {
  expect_one_error(run([] { full(1); }, {"--help"}), "stdout: No space left on device");
  expect_one_error(run([] { full(1); }, {"--version"}), "stdout: No space left on device");
}

// Messages that nobody gets are no reason to die.
TEST_P(EveryTool, StderrFull) {
  expect_done(run([] { full(2); }));
}
TEST_P(EveryTool, StderrClosed) {
  expect_done(run([] { close(2); }));
}
TEST_P(EveryTool, StderrWithoutReader) {
  expect_done(run([] { without_reader(2); }));
}
TEST_P(EveryTool, StdinClosed) {
  expect_done(run([] { close(0); }));
}
// The numbers of closed streams are taken by no file: an output would hold messages then.
TEST_P(EveryTool, AllStreamsClosed) {
  const Ran ran = run([] { close(0), close(1), close(2); });
  EXPECT_EQ(ran.code, 1);
  if (GetParam().writes) EXPECT_EQ(contents(output_).find("error: "), std::string::npos);
}
TEST_P(EveryTool, AWrongCommandLineOnAClosedStderr) {
  EXPECT_EQ(run([] { close(2); }, {"--no-such-option"}).code, 2);
  EXPECT_EQ(run([] { full(2); }, {"/no/such/model.gguf", "/no/such/output"}).code == 0, false);
}

#if !defined(BITNET_SANITIZED)

TEST_P(EveryTool, NoThreadCanBeMade) {
  const Ran ran = run([] { setenv("LD_PRELOAD", BITNET_NO_THREADS, 1); });
  expect_one_error(ran, "found room for 1 of 2 threads: Resource temporarily unavailable");
}

// A limit on processes does not bind root.
TEST_P(EveryTool, NoThreadForAnotherUser) {
  if (geteuid() != 0 || !foreign_user_can_run())
    GTEST_SKIP() << "needs root, and files others may run";
  const Ran ran = run([] {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NPROC, &none);
    become_nobody();
  });
  expect_one_error(ran, "found room for 1 of 2 threads: Resource temporarily unavailable");
}

// From too little to start with upwards: done, or one line.
TEST_P(EveryTool, LittleAddressSpace) {
  const auto limited = [](rlim_t megabytes) {
    return [megabytes] {
      const rlimit limit{megabytes << 20, megabytes << 20};
      setrlimit(RLIMIT_AS, &limit);
    };
  };
  rlim_t starts = 8;
  while (run(limited(starts), {"--version"}).code != 0 && starts < 4096) starts += starts / 4;
  for (const rlim_t more : {0U, 20U, 100U}) {
    const Ran ran = run(limited(starts + more));
    if (ran.code == 0) continue;
    EXPECT_EQ(ran.code, 1) << starts + more << " MB\n" << ran.err;
    EXPECT_EQ(count(ran.err, "error: "), 1U) << ran.err;
  }
  if (!GetParam().code_maker) expect_done(run(limited(200)));
}

// Memory that ends at some allocation, from the very first to the last: the start of libraries, the
// command line, LLVM, which is built without exceptions, and our own code, on any thread.
TEST_P(EveryTool, MemoryEndsAtAnAllocation) {
  const auto limited = [](long allocations) {
    return [allocations] {
      setenv("LD_PRELOAD", BITNET_NO_MEMORY, 1);
      setenv("BITNET_ALLOCATIONS", std::to_string(allocations).c_str(), 1);
    };
  };
  int refused = 0;
  for (long allocations = 0;; allocations += allocations / 2 + 1) {
    const Ran ran = run(limited(allocations));
    if (ran.code == 0) break;
    ++refused;
    EXPECT_EQ(ran.code, 1) << allocations << " allocations\n" << ran.err;
    EXPECT_EQ(count(ran.err, "error: "), 1U) << allocations << " allocations\n" << ran.err;
  }
  EXPECT_GT(refused, 10);
}

#endif

// Ctrl-C: one line, and no output that is half there.
TEST_P(EveryTool, Interrupted) {
  const std::string name = GetParam().name;
  if (name == "bitnet-run" || name == "bitnet-synth") GTEST_SKIP() << "is done too soon";
  std::vector<std::string> arguments = GetParam().arguments(model_, output_);
  if (name == "bitnet-bench") arguments.insert(arguments.end(), {"-r", "1000", "-n", "500"});
  if (name == "bitnet-tune") arguments.insert(arguments.end(), {"--max-trials", "1000"});
  const Ran ran = run(
      [] {
        const pid_t program = getpid();
        if (fork() != 0) return;
        usleep(200000);
        kill(program, SIGINT);
        _exit(0);
      },
      arguments);
  if (name == "bitnet-tune" && ran.code == 0) return;  // kept the best so far
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_EQ(count(ran.err, "error: "), 1U) << ran.err;
  EXPECT_FALSE(fs::exists(output_));
}

TEST_P(EveryTool, AbsentHome) {
  expect_done(run([] { unsetenv("HOME"); }));
  expect_done(run([] { setenv("HOME", "/nonexistent", 1); }));
  EXPECT_FALSE(fs::exists("/nonexistent"));
}

TEST_P(EveryTool, HomeThatMayNotBeWrittenTo) {
  if (!foreign_user_can_run()) GTEST_SKIP() << "the programs are not for others to run";
  fs::permissions(folder_ / "home", fs::perms{0555});
  expect_done(run(become_nobody));
}

// Outputs that are not what they seem.
class EveryWriter : public EveryTool {};

TEST_P(EveryWriter, ADeviceIsWrittenThrough) {
  const Ran ran = run([] {}, GetParam().arguments(model_, "/dev/null"));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  const Ran no_room = run([] {}, GetParam().arguments(model_, "/dev/full"));
  expect_one_error(no_room, "/dev/full: cannot write: No space left on device");
}

TEST_P(EveryWriter, AFifoIsWrittenThrough) {
  ASSERT_EQ(mkfifo(output_.c_str(), 0666), 0);
  const fs::path copy = folder_ / "copy";
  const std::string reader = fmt::format("cat '{}' > '{}' &", output_.string(), copy.string());
  ASSERT_EQ(std::system(reader.c_str()), 0);
  const Ran ran = run([] {});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(fs::is_fifo(output_));
  for (int i = 0; i < 100 && fs::file_size(copy) <= 100; ++i) usleep(100000);  // cat is still busy
  EXPECT_GT(fs::file_size(copy), 100U);
}

TEST_P(EveryWriter, ALinksTargetIsReplaced) {
  const fs::path target = folder_ / "target";
  fs::create_symlink("target", output_);
  expect_done(run([] {}));
  EXPECT_TRUE(fs::is_symlink(output_));
  EXPECT_GT(fs::file_size(target), 100U);
}

TEST_P(EveryWriter, ItsOwnKindIsReplacedAndOthersOnlyByForce) {
  expect_done(run([] {}));
  expect_done(run([] {}));
  const std::string letter = "Dear reader, this is no such file. " + std::string(100, '.');
  std::ofstream(output_) << letter;
  const Ran refused = run([] {});
  expect_one_error(refused, "output: found a file that is not a");
  EXPECT_EQ(contents(output_), letter);
  std::vector<std::string> forced = GetParam().arguments(model_, output_);
  forced.push_back("--force");
  expect_done(run([] {}, forced));
  EXPECT_NE(contents(output_), letter);
}

TEST_P(EveryWriter, TheInputSurvives) {
  const fs::path model = folder_ / "model.gguf", link = folder_ / "link", twin = folder_ / "twin";
  fs::copy_file(model_, model);
  fs::create_symlink(model, link);
  fs::create_hard_link(model, twin);
  const std::string before = contents(model);
  for (const fs::path& name : {model, link, twin}) {
    const Ran ran = run([] {}, GetParam().arguments(model, name));
    if (GetParam().name == "bitnet-synth") continue;  // reads nothing, and models are what it makes
    expect_one_error(ran, name.string() + ": is an input");
    EXPECT_EQ(contents(model), before);
  }
}

TEST_P(EveryWriter, AFolderThatIsNotThere) {
  const Ran ran = run([] {}, GetParam().arguments(model_, "/proc/no/such/output"));
  expect_one_error(ran, "/proc/no");
}

INSTANTIATE_TEST_SUITE_P(Conditions, EveryTool, testing::ValuesIn(kTools),
                         [](const auto& info) { return info.param.name.substr(7); });
std::vector<Tool> writers() {
  std::vector<Tool> all;
  for (const Tool& tool : kTools)
    if (tool.writes) all.push_back(tool);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Outputs, EveryWriter, testing::ValuesIn(writers()),
                         [](const auto& info) { return info.param.name.substr(7); });

}  // namespace
}  // namespace bitnet
