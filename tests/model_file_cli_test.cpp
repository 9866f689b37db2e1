// What programs say of a model file, and that their options for it are heard.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/base/result.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

namespace fs = std::filesystem;

class ModelFileCli : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("bitnet-model-cli-{}", getpid());
    fs::create_directories(folder_);
    setenv("XDG_CACHE_HOME", (folder_ / "caches").c_str(), 1);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const GgufBuilder& file) const {
    const Bytes bytes = file.build();
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    return (folder_ / name).string();
  }
  // stderr of `PROGRAM MODEL ARGUMENTS`, which ends with `code`.
  std::string err(const std::string& program, const std::string& model,
                  const std::string& arguments, int code = 0) const {
    const std::string file = (folder_ / "err").string();
    const std::string command = fmt::format("'{}/{}' '{}' {} > /dev/null 2> '{}'", BITNET_PROGRAMS,
                                            program, model, arguments, file);
    const int status = std::system(command.c_str());
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, code) << command << "\n" << text.str();
    return text.str();
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
  }
  static std::string receipt(const std::string& text) {
    const size_t at = text.find("receipt ");
    return at == text.npos ? "none" : text.substr(at, text.find('\n', at) - at);
  }

  static constexpr const char* kRun = "-p a -n 2 --temp 0 -t 1 --receipt=full";
  fs::path folder_;
};

GgufBuilder with_unknown_key() {
  GgufBuilder file = build_tiny();
  file.u32("bitnet.new_idea", 1);
  return file;
}

TEST_F(ModelFileCli, NoticesAreNotesOnStderr) {
  const std::string model = write("m.gguf", with_unknown_key());
  const std::string note = "note: ignored, as nobody knows what it would change: bitnet.new_idea\n";
  EXPECT_TRUE(has(err("bitnet-run", model, kRun), note));
  EXPECT_FALSE(has(err("bitnet-run", model, std::string(kRun) + " --log-disable"), "note"));
  EXPECT_TRUE(has(err("bitnet-bench", model, "-p 2 -n 0 -r 1 -t 1"), note));
}

TEST_F(ModelFileCli, TheTunerTakesAndSaysTheSame) {
  if (!fs::exists(BITNET_PROGRAMS "/bitnet-tune")) GTEST_SKIP() << "built without the tuner";
  GgufBuilder file = build_tiny();
  file.text("bitnet.hidden_activation", "gelu");
  const std::string model = write("m.gguf", file), require = "--wisdom require -t 1";
  EXPECT_TRUE(has(err("bitnet-tune", model, require, 1), "found \"gelu\", wanted silu or relu2"));
  const std::string text = err("bitnet-tune", model, require + " --activation relu2", 1);
  EXPECT_TRUE(has(text, "note: the activation is relu2 as asked for")) << text;
  EXPECT_TRUE(has(text, "wisdom does not know")) << text;
}

TEST_F(ModelFileCli, NoticesOfTheVocabularyAreNotesToo) {
  GgufBuilder file = build_tiny();
  file.u32("tokenizer.ggml.bos_token_id", 0xffffffffU);
  file.number("tokenizer.ggml.add_bos_token", GgufValueType::boolean, uint8_t{1});
  const std::string model = write("m.gguf", file), note = "note: tokenizer.ggml.add_bos_token";
  EXPECT_TRUE(has(err("bitnet-run", model, kRun), note));
  EXPECT_TRUE(has(err("bitnet-run", model, "-p a --tokenize"), note));
  EXPECT_FALSE(has(err("bitnet-run", model, "-p a --tokenize --log-disable"), note));
}

TEST_F(ModelFileCli, TheActivationMayBeChosen) {
  GgufBuilder file = build_tiny();
  const std::string silent = write("silent.gguf", file);
  file.text("bitnet.hidden_activation", "relu2");
  const std::string says = write("says.gguf", file);
  const auto with = [this](const std::string& model, const std::string& options) {
    return err("bitnet-run", model, kRun + (" " + options));
  };
  const std::string silu = receipt(with(silent, "")), relu2 = receipt(with(says, ""));
  EXPECT_NE(silu, relu2);
  EXPECT_EQ(receipt(with(silent, "--activation relu2")), relu2);
  const std::string against = with(says, "--activation silu");
  EXPECT_EQ(receipt(against), silu);
  EXPECT_TRUE(has(against, "note: the activation is silu as asked for")) << against;
  EXPECT_TRUE(has(err("bitnet-run", says, "-p a --activation gelu", 2), "--activation"));
}

TEST_F(ModelFileCli, TheLayoutOfI2sMayBeChosen) {
  const std::string model =
      write("m.gguf", build_tiny({.hidden = 16, .feed_forward = 16, .head_size = 8}));
  const auto with = [&](const std::string& options) {
    return receipt(err("bitnet-run", model, kRun + (" " + options)));
  };
  EXPECT_EQ(with("--i2s-layout 128"), with(""));
  EXPECT_EQ(with("--i2s-layout x86"), with(""));
  EXPECT_NE(with("--i2s-layout 64"), with(""));
  EXPECT_EQ(with("--i2s-layout arm"), with("--i2s-layout 64"));
}

TEST_F(ModelFileCli, AHostileNameIsPrintedEscaped) {
  GgufBuilder file = build_tiny();
  file.text("general.name", "ok\x1b]0;owned\x07\x1b[2J\n\rerror: fake \xe2\x80\xae");
  const std::string model = write("m.gguf", file);
  for (const std::string& text :
       {err("bitnet-run", model, kRun), err("bitnet-bench", model, "-p 2 -n 0 -r 1 -t 1")}) {
    EXPECT_EQ(text.find('\x1b'), text.npos) << text;
    EXPECT_EQ(text.find('\a'), text.npos) << text;
    EXPECT_EQ(text.find("\nerror"), text.npos) << text;
    EXPECT_EQ(text.find("\xe2\x80\xae"), text.npos) << text;
  }
}

// Would wait for somebody to write.
TEST_F(ModelFileCli, AFifoIsRefused) {
  const std::string fifo = (folder_ / "fifo").string();
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(err("bitnet-run", fifo, "-p a", 1), "error: " + fifo + ": not a regular file\n");
}

}  // namespace
}  // namespace bitnet::testing
