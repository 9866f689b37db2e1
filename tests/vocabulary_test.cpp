// Each vocabulary equals its portable twin, wherever this CPU has the level; and kernels use
// nothing but the vocabulary.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "runtime/cpu/isa.h"
#include "tests/vocabulary_cases.h"

#include BITNET_VOCABULARIES

namespace bitnet {
namespace {

class EveryVocabulary : public testing::TestWithParam<Vocabulary> {};

TEST_P(EveryVocabulary, EqualsItsTwin) {
  if (!reported_isa().has(*parse_isa(GetParam().isa)))
    GTEST_SKIP() << "this CPU has no " << GetParam().isa;
  EXPECT_EQ(vocabulary_difference(GetParam(), 20000), "");
}

INSTANTIATE_TEST_SUITE_P(, EveryVocabulary, testing::ValuesIn(kVocabularies),
                         [](const auto& info) { return std::string(info.param.isa); });

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Intrinsics and vector types of x86 and NEON, builtins of a target.
const std::regex kRaw(R"(\b_mm\d*_\w+|\b__m(128|256|512)i?\b|\bv\w+q?_[su](8|16|32|64)\b)"
                      R"(|\b\w+x(4|8|16)_t\b|__builtin_(ia32|neon)\w*|\w*intrin\.h|arm_neon\.h)");

TEST(Templates, UseTheVocabularyOnly) {
  const std::filesystem::path templates = std::filesystem::path(BITNET_SOURCE_DIR) / "templates";
  int files = 0;
  for (const char* folder : {"kernels", "packings", "forms"})
    for (const auto& entry : std::filesystem::directory_iterator(templates / folder)) {
      const std::string text = text_of(entry.path());
      std::smatch found;
      EXPECT_FALSE(std::regex_search(text, found, kRaw)) << entry.path() << ": " << found.str();
      ++files;
    }
  EXPECT_GE(files, 8);
  for (const char* header : {"vec_ssse3.h", "vec_avx512vnni.h", "vec_neon_common.h"})
    EXPECT_TRUE(std::regex_search(text_of(templates / "isa" / header), kRaw)) << header;
}

}  // namespace
}  // namespace bitnet
