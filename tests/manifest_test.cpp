// The manifest of a kernel cache as text: there and back, and what is wrong with it.
#include <random>

#include "tests/codegen/fixture.h"

namespace bitnet::codegen {
namespace {

TEST(Manifest, ComesBackAsItWasWritten) {
  const Manifest manifest = leaf_manifest();
  const std::string json = to_json(manifest);
  const auto again = parse_manifest(json);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), json);
  EXPECT_EQ(again->machine, manifest.machine);
  EXPECT_EQ(again->plans[1].problems[0].classes[1].m_max, kAnyTokens);
}

TEST(Manifest, NamesWhatIsWrong) {
  const std::string json = to_json(leaf_manifest());
  const auto reason = [&](const std::string& from, const std::string& to) {
    std::string changed = json;
    const size_t found = changed.find(from);
    EXPECT_NE(found, std::string::npos) << from;
    changed.replace(found, from.size(), to);
    const auto parsed = parse_manifest(changed);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_EQ(reason("\"shapes\"", "\"shapez\""), "manifest: shapes: missing");
  EXPECT_EQ(reason("\"row_step\": 1", "\"row_step\": \"1\""),
            "manifest: kernels[0].sizes.row_step: found string, wanted an integer");
  EXPECT_EQ(reason("\"row_step\": 1", "\"row_step\": 9999999999"),
            "manifest: kernels[0].sizes.row_step: out of range");
  EXPECT_EQ(reason("\"run\": 0", "\"run\": -1"), "manifest: kernels[0].run: out of range");
  EXPECT_EQ(reason("\"qkv\"", "\"vqk\""),
            "manifest: plans[0].problems[0].problem.kind: unknown problem kind");
  EXPECT_EQ(reason("\"epilogue\": 1", "\"epilogue\": 77"),
            "manifest: plans[0].problems[0].problem.epilogue: unknown epilogue 77");
  EXPECT_EQ(reason("\"nanoseconds\": 12.5", "\"nanoseconds\": 1e999"), "manifest: not JSON");
  EXPECT_EQ(reason("\"format\": 2", "\"format\": 3"), "manifest: format 3, wanted 2");
  EXPECT_EQ(reason("\"kernels\"", "\"unknown\": {}, \"kernels\""), "accepted");
}

TEST(Manifest, SurvivesDamage) {
  std::mt19937 random(2);
  const std::string json = to_json(leaf_manifest());
  for (int round = 0; round < 5000; ++round) {
    std::string changed = json;
    for (unsigned i = 0; i < 1 + random() % 3; ++i)
      changed[random() % changed.size()] = "{}[]\",:0-e\\\x80 "[random() % 14];
    if (random() % 4 == 0) changed.resize(random() % changed.size());
    if (const auto parsed = parse_manifest(changed); !parsed) {
      ASSERT_EQ(parsed.error().message.find('\n'), std::string::npos);
    }
  }
  EXPECT_FALSE(parse_manifest(std::string(1000000, '[')));
  EXPECT_FALSE(
      parse_manifest("{\"format\":" + std::string(100000, '[') + std::string(100000, ']') + "}"));
  EXPECT_FALSE(parse_manifest(""));
}

}  // namespace
}  // namespace bitnet::codegen
