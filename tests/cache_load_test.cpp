// Attacks on the file of a kernel cache, and libraries made by the system's own linker that do what
// a cache must not do: each is refused with one line, and nothing of it is executed (their code
// traps, so it would be noticed).
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "runtime/kernel/cache_path.h"
#include "tests/codegen/fixture.h"

namespace bitnet::codegen {
namespace {

namespace fs = std::filesystem;
using How = LoadedCache::How;

class CacheFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "bitnet-cache-test-" + std::to_string(getpid());
    fs::create_directories(folder_);
    path_ = folder_ + "/leaf.kc";
    static const std::vector<std::byte> cache = leaf_cache();
    write(path_, cache);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static void write(const std::string& path, std::span<const std::byte> bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    chmod(path.c_str(), 0644);
  }
  static Result<std::unique_ptr<LoadedCache>> load(const std::string& path, How how = How::map,
                                                   int threads = 1,
                                                   const Machine& machine = leaf_machine()) {
    return LoadedCache::load(path, IsaSet(), kLeafShapes, threads, how, machine);
  }
  static void expect_refused(const std::string& path, const std::string& reason) {
    for (How how : {How::map, How::dlopen}) {
      const auto loaded = load(path, how);
      ASSERT_FALSE(loaded) << path;
      const std::string& message = loaded.error().message;
      EXPECT_TRUE(message.starts_with(path + ": ")) << message;
      EXPECT_NE(message.find(reason), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  std::string folder_, path_;
};

TEST_F(CacheFile, OfThisUserLoads) {
  for (How how : {How::map, How::dlopen}) {
    const auto loaded = load(path_, how);
    EXPECT_TRUE(loaded) << loaded.error().message;
  }
}

TEST_F(CacheFile, WritableByOthersIsRefused) {
  for (mode_t mode : {0664U, 0646U, 0666U, 0777U, 0602U, 0620U}) {
    chmod(path_.c_str(), mode);
    expect_refused(path_, "lets others write");
  }
  for (mode_t mode : {0600U, 0644U, 0755U, 0400U}) {
    chmod(path_.c_str(), mode);
    EXPECT_TRUE(load(path_));
  }
}

TEST_F(CacheFile, OfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);
  expect_refused(path_, "belongs to user 12345");
}

TEST_F(CacheFile, LinksAreJudgedByWhatTheyNameAndWhatIsNoFileIsRefused) {
  const std::string link = folder_ + "/link.kc";
  fs::create_symlink(path_, link);
  EXPECT_TRUE(load(link));
  chmod(path_.c_str(), 0666);
  expect_refused(link, "lets others write");
  fs::remove(path_);
  expect_refused(link, "cannot open");

  const std::string pipe = folder_ + "/pipe.kc";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(pipe, "not a regular file");  // and does not wait for a writer
  expect_refused(folder_, "not a regular file");
  expect_refused("/dev/null", "not a regular file");
  const auto missing = load(folder_ + "/missing.kc");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, Error::Kind::not_found);
}

TEST_F(CacheFile, OfAnOddSizeIsRefused) {
  const auto size = static_cast<off_t>(fs::file_size(path_));
  for (off_t length :
       {off_t{0}, off_t{1}, off_t{63}, off_t{64}, off_t{511}, off_t{4096}, size - 1, size + 1}) {
    static const std::vector<std::byte> cache = leaf_cache();
    write(path_, cache);
    ASSERT_EQ(truncate(path_.c_str(), length), 0);
    expect_refused(path_, "");
  }
  ASSERT_EQ(truncate(path_.c_str(), (off_t{64} << 20) + 1), 0);  // sparse
  expect_refused(path_, "at most 67108864");
}

TEST_F(CacheFile, OfOtherShapesIsRefused) {
  const auto loaded = LoadedCache::load(path_, IsaSet(), "fedcba9876543210", 1, How::map);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find(
                "made for shapes 0123456789abcdef, this model has fedcba9876543210"),
            std::string::npos)
      << loaded.error().message;
}

TEST_F(CacheFile, OfAnotherMachineLoadsAndSaysSo) {
  Machine other = leaf_machine();
  other.cpu = "Another CPU";
  const auto loaded = load(path_, How::map, 1, other);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->describe(),
            "tuned kernels of " + path_ +
                " (scalar), tuned for Testing CPU family 1; run bitnet-tune again");
  EXPECT_TRUE((*loaded)->find(leaf_problem()));
}

TEST_F(CacheFile, AnswersWithThePlanForTheNearestThreads) {
  for (const auto& [threads, wanted] : {std::pair{1, 1}, {2, 1}, {3, 4}, {4, 4}, {64, 4}}) {
    const auto loaded = load(path_, How::map, threads);
    ASSERT_TRUE(loaded);
    EXPECT_EQ((*loaded)->plan().threads, wanted);
  }
}

// How the page of this address is mapped: "r-xp".
template <typename Pointer>
std::string mode_of(Pointer* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    char mode[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, mode) == 3 && address >= begin &&
        address < end)
      return mode;
  }
  return "not mapped";
}

// Nothing of the mapping is writable, and what is executable is only that. The control is a page
// made executable here, after one that is not: qemu takes both for one mapping, "r--p".
TEST_F(CacheFile, IsMappedWithoutWritablePages) {
  const auto loaded = load(path_);
  ASSERT_TRUE(loaded);
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* pages =
      mmap(nullptr, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0);
  ASSERT_NE(pages, MAP_FAILED);
  char* control = static_cast<char*>(pages) + page;
  ASSERT_EQ(mprotect(control, page, PROT_READ | PROT_EXEC), 0);
  const std::string wanted = mode_of(control);
  EXPECT_TRUE(wanted == "r-xp" || (kArchitecture == "aarch64" && wanted == "r--p")) << wanted;
  EXPECT_EQ(mode_of((*loaded)->find(leaf_problem())->classes[0].functions.run), wanted);
  munmap(pages, 2 * page);
}

// Made here, loaded both ways and run by the AArch64 build of the loader; and this machine's own is
// refused there.
TEST_F(CacheFile, OfAArch64RunsUnderQemu) {
#ifdef BITNET_PROBE_AARCH64
  const Spec spec = leaf_spec(4, 0, 0, Isa::neon);
  const auto cache = link_cache({{leaf_object(spec, "aarch64")}}, leaf_manifest(spec));
  ASSERT_TRUE(cache) << cache.error().message;
  const auto probe = [&](const std::string& path) {
    const std::string out = folder_ + "/probe.txt";
    const std::string command =
        fmt::format("{} {} neon {} > {} 2>&1", BITNET_PROBE_AARCH64, path, kLeafShapes, out);
    const int status = std::system(command.c_str());
    return std::pair(status, read_text(out));
  };
  const std::string path = folder_ + "/arm.kc";
  write(path, *cache);
  EXPECT_EQ(probe(path), std::pair(0, std::string("ok\n")));
  const auto [status, text] = probe(path_);
  EXPECT_NE(status, 0);
  EXPECT_NE(text.find("another architecture"), std::string::npos) << text;
  expect_refused(path, "another architecture");
#else
  GTEST_SKIP() << "needs aarch64-linux-gnu-g++ and qemu-aarch64";
#endif
}

struct Hostile {
  const char* name;
  const char* reason;
};
void PrintTo(const Hostile& hostile, std::ostream* stream) { *stream << hostile.name; }
class SystemLinkedLibrary : public CacheFile, public testing::WithParamInterface<Hostile> {};

TEST_P(SystemLinkedLibrary, IsRefusedAndNotExecuted) {
  const std::string library = folder_ + "/hostile.kc";
  fs::copy_file(std::string(BITNET_BINARY_DIR "/tests/hostile/") + GetParam().name + ".so",
                library);
  chmod(library.c_str(), 0644);
  expect_refused(library, GetParam().reason);
}
INSTANTIATE_TEST_SUITE_P(Attacks, SystemLinkedLibrary,
                         testing::Values(Hostile{"constructor", "(a constructor)"},
                                         Hostile{"init", "DT_INIT"}, Hostile{"needed", "DT_NEEDED"},
                                         Hostile{"relocation", "(relocations)"},
                                         Hostile{"execstack", "executable stack"},
                                         Hostile{"writable_code", "writable and executable"},
                                         Hostile{"state", "stays writable"},
                                         Hostile{"plain", "no manifest note"}),
                         [](const auto& info) { return std::string(info.param.name); });

// The control: the system loader does execute that constructor.
TEST(SystemLoader, WouldHaveRunTheConstructor) {
  EXPECT_DEATH(dlopen(BITNET_BINARY_DIR "/tests/hostile/constructor.so", RTLD_NOW), "");
}

TEST(CachePath, FollowsTheBaseDirectorySpecification) {
  const Machine machine = leaf_machine();
  const std::string tail = "/bitnet/" + machine.id() + "/abc.kc";
  const std::string home = testing::TempDir() + "bitnet-home-" + std::to_string(getpid());
  fs::create_directories(home);
  setenv("XDG_CACHE_HOME", "/x/y", 1);
  setenv("HOME", home.c_str(), 1);
  EXPECT_EQ(default_cache_path(machine, "abc"), "/x/y" + tail);
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(default_cache_path(machine, "abc"), home + "/.cache" + tail);
  unsetenv("XDG_CACHE_HOME");
  const std::string path = default_cache_path(machine, "abc");
  EXPECT_EQ(path, home + "/.cache" + tail);
  EXPECT_FALSE(find_cache(machine, "abc"));
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << "x";
  EXPECT_EQ(find_cache(machine, "abc"), path);
  fs::remove_all(home);
  EXPECT_EQ(default_cache_path(machine, "abc"), "");  // a home that is not there is none
  unsetenv("HOME");
  EXPECT_EQ(default_cache_path(machine, "abc"), "");
  EXPECT_FALSE(find_cache(machine, "abc"));
}

}  // namespace
}  // namespace bitnet::codegen
