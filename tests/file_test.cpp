// Files: mapping, truncation while mapped, atomic writing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/base/atomic_file.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/read_file.h"
#include "tests/resident_pages.h"

namespace bitnet {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("bitnet-file-test-{}", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  size_t entries() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_;
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

TEST_F(Files, AWholeFileIsReadOrRefusedByName) {
  const auto read = read_file(write("a", "hello"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(std::ranges::equal(*read, bytes_of("hello")));
  EXPECT_TRUE(read_file(write("empty", ""))->empty());

  const auto none = read_file(path("none"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, Error::Kind::not_found);
  EXPECT_TRUE(none.error().message.starts_with(path("none") + ": cannot open"));
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);  // and is not waited for
  EXPECT_EQ(read_file(path("fifo")).error().message, path("fifo") + ": not a regular file");
  const auto refuse = [](const struct stat&) -> Result<void> {
    return fail(Error::Kind::refused, "too old");
  };
  EXPECT_EQ(read_file(path("a"), refuse).error().message, path("a") + ": too old");
}

TEST_F(Files, AMappingOutlivesNameAndMoves) {
  const std::string name = write("a", "hello");
  auto opened = MappedFile::open(name);
  ASSERT_TRUE(opened) << opened.error().message;
  std::filesystem::remove(name);
  MappedFile moved = std::move(*opened);
  MappedFile assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned.path(), name);
  ASSERT_EQ(assigned.bytes().size(), 5U);
  EXPECT_EQ(static_cast<char>(assigned.bytes()[4]), 'o');
}

TEST_F(Files, WhatCannotBeMappedIsSaid) {
  EXPECT_EQ(MappedFile::open(path("none")).error().message,
            path("none") + ": cannot open: No such file or directory");
  EXPECT_EQ(MappedFile::open(path("none")).error().kind, Error::Kind::not_found);
  EXPECT_EQ(MappedFile::open(folder_).error().message, folder_.string() + ": not a regular file");
  EXPECT_EQ(MappedFile::open("/dev/null").error().message, "/dev/null: not a regular file");
  const auto empty = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->bytes().empty());
}

TEST_F(Files, ReleasedPagesLeaveMemoryAndAreReadAgain) {
  std::string text(1 << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 4096);
  const auto file = MappedFile::open(write("big", text));
  ASSERT_TRUE(file);
  const std::span<const std::byte> all = file->bytes();
  EXPECT_TRUE(std::ranges::equal(all, bytes_of(text)));  // and so touches every page
  if (!pages_of(all)) GTEST_SKIP() << "needs /proc/self/pagemap";
  EXPECT_EQ(pages_of(all)->resident, pages_of(all)->whole);

  // Whole pages inside, none that only begins or ends there.
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  file->release(all.subspan(4 * page + 1, 3 * page));
  EXPECT_EQ(pages_of(all.first(5 * page))->resident, 5);
  EXPECT_EQ(pages_of(all.subspan(5 * page, 2 * page))->resident, 0);
  EXPECT_EQ(pages_of(all.subspan(7 * page))->resident, pages_of(all.subspan(7 * page))->whole);
  file->release(all.subspan(8 * page + 1, page));  // holds no whole page
  file->release(all.subspan(8 * page, 0));
  EXPECT_EQ(pages_of(all.subspan(7 * page))->resident, pages_of(all.subspan(7 * page))->whole);
  EXPECT_TRUE(std::ranges::equal(all, bytes_of(text)));
}

TEST_F(Files, OnlyTheMappingsOwnBytesAreReleased) {
  const auto file = MappedFile::open(write("small", std::string(10000, 'x')));
  ASSERT_TRUE(file);
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE)), bytes = 8 * page;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 'm', bytes);
  const std::span foreign(static_cast<const std::byte*>(memory), bytes);
  file->release(foreign);
  MappedFile().release(foreign);
  // Begins in the mapping and ends past it.
  file->release({file->bytes().data(), file->bytes().size() + page});
  for (const std::byte b : foreign) ASSERT_EQ(b, std::byte{'m'});
  for (const std::byte b : file->bytes()) ASSERT_EQ(b, std::byte{'x'});
  ::munmap(memory, bytes);
}

using FilesDeathTest = Files;

// The first page stays, the others vanish under the mapping.
void read_after_truncation(const std::string& path, bool in_another_thread) {
  install_truncation_guard();
  const auto other = MappedFile::open(path);  // two mappings: the right one is named
  auto file = MappedFile::open(path);
  if (!file || ::truncate(path.c_str(), 4096) != 0) std::exit(7);
  const MappedFile moved = std::move(*file);
  const auto read = [&] {
    unsigned sum = 0;
    for (const std::byte b : moved.bytes()) sum += static_cast<unsigned>(b);
    std::exit(sum == 0 ? 8 : 9);  // not reached
  };
  if (in_another_thread) {
    std::thread(read).join();
  } else {
    read();
  }
}

TEST_F(FilesDeathTest, TruncationWhileMappedIsOneLineNotASignal) {
  const std::string name = write("model.gguf", std::string(100000, 'x'));
  EXPECT_EXIT(read_after_truncation(name, false), ::testing::ExitedWithCode(1),
              "^error: " + name + ": file was truncated while in use\n$");
  write("model.gguf", std::string(100000, 'x'));
  EXPECT_EXIT(read_after_truncation(name, true), ::testing::ExitedWithCode(1),
              "^error: " + name + ": file was truncated while in use\n$");
}

TEST_F(FilesDeathTest, TruncationAfterReleaseIsOneLineToo) {
  const std::string name = write("model.gguf", std::string(100000, 'x'));
  const auto die = [&] {
    install_truncation_guard();
    const auto file = MappedFile::open(name);
    unsigned sum = 0;
    for (const std::byte b : file->bytes()) sum += static_cast<unsigned>(b);
    file->release(file->bytes());
    if (::truncate(name.c_str(), 4096) != 0) std::exit(7);
    for (const std::byte b : file->bytes()) sum += static_cast<unsigned>(b);
    std::exit(sum == 0 ? 8 : 9);  // not reached
  };
  EXPECT_EXIT(die(), ::testing::ExitedWithCode(1),
              "^error: " + name + ": file was truncated while in use\n$");
}

TEST_F(FilesDeathTest, OtherBusErrorsKeepTheirDefault) {
  const std::string name = write("x", "x");
  const auto die = [&] {
    install_truncation_guard();
    const auto file = MappedFile::open(name);
    std::raise(SIGBUS);
  };
  EXPECT_EXIT(die(), ::testing::KilledBySignal(SIGBUS), "");
}

TEST_F(Files, AtomicWritesReplaceWhole) {
  const std::string name = write("out", "old");
  ASSERT_TRUE(write_file_atomically(name, bytes_of("new and longer")));
  EXPECT_EQ(read(name), "new and longer");
  EXPECT_EQ(entries(), 1U);
  struct stat status{};
  ASSERT_EQ(::stat(name.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0133, 0U);  // neither executable nor writable by others
}

TEST_F(Files, AnAtomicFileIsInvisibleUntilCommitted) {
  const std::string name = path("big");
  const std::string piece(700000, 'p'), crumb = "c";
  {
    auto file = AtomicFile::create(name);
    ASSERT_TRUE(file) << file.error().message;
    for (const std::string& text : {crumb, piece, crumb, piece, crumb})
      ASSERT_TRUE(file->write(bytes_of(text)));
    EXPECT_EQ(file->bytes_written(), 1400003U);
    EXPECT_FALSE(std::filesystem::exists(name));
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.commit(Durability::none));
  }
  EXPECT_EQ(read(name), crumb + piece + crumb + piece + crumb);
  {
    auto abandoned = AtomicFile::create(name);
    ASSERT_TRUE(abandoned);
    ASSERT_TRUE(abandoned->write(bytes_of("never seen")));
  }
  EXPECT_EQ(read(name).size(), 1400003U);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Files, WhatCannotBeWrittenIsSaid) {
  const std::string name = path("nowhere/x");
  EXPECT_EQ(write_file_atomically(name, bytes_of("x")).error().message,
            name + ": cannot write: No such file or directory");
  std::filesystem::create_directory(path("folder"));
  const auto onto_folder = write_file_atomically(path("folder"), bytes_of("x"));
  ASSERT_FALSE(onto_folder);
  EXPECT_TRUE(onto_folder.error().message.ends_with("Is a directory"))
      << onto_folder.error().message;
  EXPECT_EQ(entries(), 1U);
}

}  // namespace
}  // namespace bitnet
