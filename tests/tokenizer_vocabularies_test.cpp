// The vocabularies of Llama 2, Llama 3, Qwen, GPT-2 and MPT against the ids that llama.cpp gives
// for its 46 or more hard strings each, from tests/oracle/install.sh. Skipped where that was not
// run.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/text/tokenizer.h"

namespace bitnet {
namespace {

std::string oracle_folder() {
  const char* set = std::getenv("BITNET_ORACLE_DIR");
  return set != nullptr ? set : BITNET_SOURCE_DIR "/build/oracle";
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

std::vector<std::string> split(const std::string& text, const std::string& mark) {
  std::vector<std::string> parts;
  size_t at = 0;
  for (size_t end; (end = text.find(mark, at)) != std::string::npos; at = end + mark.size())
    parts.push_back(text.substr(at, end - at));
  parts.push_back(text.substr(at));
  return parts;
}

std::vector<int32_t> ids_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<int32_t> ids;
  for (int32_t id; in >> id;) ids.push_back(id);
  return ids;
}

class PublicVocabulary : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    path_ = oracle_folder() + "/llama.cpp/models/ggml-vocab-" + GetParam() + ".gguf";
    if (!std::filesystem::exists(path_))
      GTEST_SKIP() << "no " << path_ << ": run tests/oracle/install.sh";
    auto file = Gguf::open(path_);
    ASSERT_TRUE(file) << file.error().message;
    file_.emplace(std::move(*file));
    const auto start = std::chrono::steady_clock::now();
    auto tokenizer = Tokenizer::open(*file_);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    RecordProperty("open_us", static_cast<int>((std::chrono::steady_clock::now() - start) /
                                               std::chrono::microseconds(1)));
    tokenizer_.emplace(std::move(*tokenizer));
  }
  std::string path_;
  std::optional<Gguf> file_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_P(PublicVocabulary, GivesTheIdsOfTheHardStringsAndTheirBytesBack) {
  const auto texts = split(contents(path_ + ".inp"), "\n__ggml_vocab_test__\n");
  const auto lines = split(contents(path_ + ".out"), "\n");
  ASSERT_GE(texts.size(), 46U);
  ASSERT_GE(lines.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer_->encode(texts[i], false, false);
    EXPECT_EQ(ids, ids_of(lines[i])) << "string " << i << ": " << texts[i];
    EXPECT_EQ(tokenizer_->decode(ids), texts[i]) << "string " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Public, PublicVocabulary,
                         testing::Values("llama-bpe", "llama-spm", "qwen2", "qwen35", "gpt-2",
                                         "mpt"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace bitnet
