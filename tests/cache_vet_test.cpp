// Vetting of kernel caches: good ones pass where their levels are, damaged ones do not.
#include <cstdlib>
#include <random>

#include "tests/codegen/cache_bytes.h"

namespace bitnet::codegen {
namespace {

TEST(CacheVet, AcceptsAGoodCache) {
  const auto manifest = vet(good_cache());
  ASSERT_TRUE(manifest) << manifest.error().message;
  Bytes same = good_cache();
  edit(same, [](Manifest&) {});
  seal(same);
  EXPECT_EQ(same, good_cache());  // what the attacks below build on
}

TEST(CacheVet, RefusesEveryLengthBelowTheWhole) {
  for (size_t length = 0; length < good_cache().size(); ++length) {
    const Bytes cut(good_cache().begin(), good_cache().begin() + static_cast<ptrdiff_t>(length));
    ASSERT_FALSE(vet(cut)) << length;
  }
  Bytes longer = good_cache();
  longer.push_back({});
  EXPECT_FALSE(vet(longer));
}

TEST(CacheVet, RefusesEveryFlippedByte) {
  Bytes file = good_cache();
  for (std::byte& b : file) {
    for (int flip : {0x01, 0x80, 0xff}) {
      const std::byte before = b;
      b ^= static_cast<std::byte>(flip);
      const auto manifest = vet(file);
      ASSERT_FALSE(manifest) << "byte " << &b - file.data() << " xor " << flip;
      ASSERT_EQ(manifest.error().message.find('\n'), std::string::npos);
      b = before;
    }
  }
  EXPECT_TRUE(vet(file));
}

// A kernel of a higher level than this CPU's, whatever the file as a whole claims.
TEST(CacheVet, RefusesAnotherLevelOrArchitecture) {
  const Spec spec = leaf_spec(4, 0, 0, Isa::avx2);
  Manifest manifest = leaf_manifest(spec);
  const auto cache = link_cache({{leaf_object(spec)}}, manifest);
  ASSERT_TRUE(cache) << cache.error().message;
  IsaSet avx2;
  avx2.add(Isa::avx2);
  EXPECT_TRUE(vet_cache(*cache, avx2, kLeafShapes));
  const auto below = vet_cache(*cache, IsaSet(), kLeafShapes);
  ASSERT_FALSE(below);
  EXPECT_NE(below.error().message.find("needs avx2, the highest level here is scalar"),
            std::string::npos)
      << below.error().message;
  Bytes liar = *cache;
  edit(liar, [](Manifest& m) { m.isa = "scalar"; });
  seal(liar);
  EXPECT_FALSE(vet_cache(liar, IsaSet(), kLeafShapes));

  const auto foreign = link_cache({{leaf_object(leaf_spec(), kForeign)}}, leaf_manifest());
  ASSERT_TRUE(foreign) << foreign.error().message;
  const auto refused = vet(*foreign);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("another architecture"), std::string::npos);
}

// avxvnni and avx512vnni are no ancestors of each other; a CPU that has both may use both.
TEST(CacheVet, KernelsOfTwoBranchesNeedBoth) {
  const Spec vnni = leaf_spec(2, 0, 0, Isa::avxvnni), wide = leaf_spec(4, 0, 0, Isa::avx512vnni);
  Manifest manifest = leaf_manifest(vnni);
  manifest.kernels.push_back(leaf_manifest(wide).kernels[0]);
  const std::vector<Object> objects = {leaf_object(vnni), leaf_object(wide)};
  const auto cache = link_cache(objects, manifest);
  ASSERT_TRUE(cache) << cache.error().message;
  IsaSet isa;
  isa.add(Isa::avx512vnni);
  const auto refused = vet_cache(*cache, isa, kLeafShapes);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("needs avxvnni"), std::string::npos);
  isa.add(Isa::avxvnni);
  EXPECT_TRUE(vet_cache(*cache, isa, kLeafShapes));
}

// Files with a fitting digest and random damage: refused or harmless, never a crash or a read
// outside (sanitizers see it).
TEST(CacheVet, SurvivesMutationsWithAFittingDigest) {
  std::mt19937 random(1);
  const int rounds = std::getenv("BITNET_FULL") != nullptr ? 2000000 : 20000;
  const size_t place = text_of(good_cache()).find("\"digest\": \"");
  const auto dynamic = [] {
    Bytes copy = good_cache();
    return static_cast<size_t>(segment(copy, PT_DYNAMIC).p_offset);
  }();
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    Bytes file = good_cache();
    const auto mutations = 1 + random() % 4;
    for (unsigned i = 0; i < mutations; ++i) {
      // Half of them in headers and dynamic section, where they hurt most.
      const size_t where = random() % 4 == 0   ? dynamic + random() % 0x90
                           : random() % 2 == 0 ? random() % 0x200
                                               : random() % file.size();
      if (where >= place && where < place + 48) continue;
      static constexpr unsigned kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
      const unsigned value = random() % 2 == 0 ? kEdges[random() % 5] : random() % 256;
      file[where] = static_cast<std::byte>(value);
    }
    seal(file);
    if (vet(file)) ++accepted;
  }
  EXPECT_GT(accepted, 0);  // in code and debug information, which say nothing of themselves
  EXPECT_LT(accepted, rounds * 9 / 10);
}

}  // namespace
}  // namespace bitnet::codegen
