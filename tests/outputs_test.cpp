// What a program writes to: links, devices and FIFOs stay what they are, inputs and foreign files
// are not replaced, two writers of one folder lose nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/base/atomic_file.h"
#include "runtime/base/output_check.h"

namespace bitnet {
namespace {

namespace fs = std::filesystem;

const OutputKind kSong{.name = "a song",
                       .recognises = [](std::string_view head) { return head.starts_with("la "); }};

class Outputs : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("bitnet-outputs-test-{}", getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  static std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static Result<void> put(const std::string& path, std::string_view text) {
    return write_file_atomically(path, std::as_bytes(std::span(text)));
  }
  static std::string refusal(const std::string& path, const OutputPolicy& policy = {}) {
    const auto checked = check_output(path, kSong, policy);
    return checked ? "" : checked.error().message;
  }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  fs::path folder_;
};

TEST_F(Outputs, ALinkStaysAndItsTargetIsReplaced) {
  file("target", "old");
  fs::create_directory(path("elsewhere"));
  fs::create_symlink("../target", path("elsewhere/link"));    // relative to the link's folder
  fs::create_symlink(path("elsewhere/link"), path("chain"));  // a link to a link
  ASSERT_TRUE(put(path("chain"), "new"));
  EXPECT_EQ(contents(path("target")), "new");
  EXPECT_TRUE(fs::is_symlink(path("chain")));
  EXPECT_TRUE(fs::is_symlink(path("elsewhere/link")));
  EXPECT_FALSE(fs::is_symlink(path("target")));
}

TEST_F(Outputs, AnEmptyLinksTargetIsMade) {
  fs::create_symlink("not-yet", path("link"));
  ASSERT_TRUE(put(path("link"), "new"));
  EXPECT_EQ(contents(path("not-yet")), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  fs::create_symlink("round", path("round"));
  const auto round = put(path("round"), "never");
  ASSERT_FALSE(round);
  EXPECT_NE(round.error().message.find("symbolic links"), std::string::npos)
      << round.error().message;
}

TEST_F(Outputs, AFifoIsWrittenThrough) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = contents(path("fifo")); });
  const std::string text(300000, 'x');  // more than a pipe holds
  EXPECT_TRUE(put(path("fifo"), text));
  reader.join();
  EXPECT_EQ(got, text);
  EXPECT_TRUE(fs::is_fifo(path("fifo")));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Outputs, ADeviceIsWrittenThrough) {
  ASSERT_TRUE(put("/dev/null", "nothing"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  if (!fs::exists("/dev/full")) return;
  const auto full = put("/dev/full", "too much");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().message, "/dev/full: cannot write: No space left on device");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(Outputs, WhoeverMightReadTheOldFileMayReadTheNew) {
  fs::permissions(file("private", "old"), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(put(path("private"), "new"));
  EXPECT_EQ(fs::status(path("private")).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(file("public", "old"), fs::perms{0666});
  ASSERT_TRUE(put(path("public"), "new"));
  EXPECT_EQ(fs::status(path("public")).permissions(), fs::perms{0644});  // but write it: no
}

TEST_F(Outputs, OnlyTheirOwnKindIsReplaced) {
  EXPECT_EQ(refusal(path("new")), "");
  EXPECT_EQ(refusal(file("empty", "")), "");
  EXPECT_EQ(refusal(file("song", "la la")), "");
  EXPECT_EQ(refusal("/dev/null"), "");
  const std::string letter = file("letter", "Dear reader");
  EXPECT_EQ(refusal(letter), letter +
                                 ": found a file that is not a song, which would replace it: give "
                                 "another name, or --force");
  EXPECT_EQ(refusal(letter, {.inputs = {}, .force = true}), "");
  EXPECT_EQ(refusal(folder_), folder_.string() + ": a folder, wanted a file to write");
  EXPECT_EQ(refusal(path("no/where")),
            path("no/where") + ": cannot write in " + path("no") + ": No such file or directory");
}

TEST_F(Outputs, AnInputIsNotReplacedByWhateverName) {
  const std::string input = file("input", "la la");
  fs::create_symlink("input", path("link"));
  fs::create_hard_link(input, path("twin"));
  for (const std::string& name : {input, path("link"), path("twin"), folder_.string() + "/./input"})
    EXPECT_EQ(refusal(name, {.inputs = {"/nonexistent", input}}),
              name + ": is an input, and a song would replace it: give another name, or --force");
  EXPECT_EQ(refusal(input, {.inputs = {input}, .force = true}), "");
  EXPECT_EQ(refusal(file("other", "la la"), {.inputs = {input}}), "");
}

TEST_F(Outputs, TwoOutputsAreTwoFiles) {
  const std::string a = file("a", "x");
  fs::create_symlink("a", path("link"));
  EXPECT_FALSE(check_distinct(a, a));
  EXPECT_FALSE(check_distinct(a, path("link")));
  EXPECT_FALSE(check_distinct(path("new"), folder_.string() + "/./new"));
  EXPECT_TRUE(check_distinct(a, path("new")));
  EXPECT_TRUE(check_distinct("", ""));
  EXPECT_TRUE(check_distinct("/dev/null", "/dev/null"));
}

}  // namespace
}  // namespace bitnet
