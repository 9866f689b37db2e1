// From bitcode to a running kernel, both ways (ORC and a linked cache), on a template of the tests'
// own.
#include <filesystem>
#include <thread>

#include "tests/codegen/fixture.h"
#include "tests/codegen/leaf_product.h"

namespace bitnet::codegen {
namespace {

void expect_right(const KernelFunctions& functions, int64_t n, int64_t k) {
  EXPECT_TRUE(computes_right(functions, leaf_sizes(n, k), n, k));
}

TEST(Jit, RunsWhatWasSpecialised) {
  auto jit = Jit::create();
  ASSERT_TRUE(jit) << jit.error().message;
  for (int64_t step : {1, 4, 7}) {
    const Object object = leaf_object(leaf_spec(step));
    auto functions = (*jit)->load(object);
    ASSERT_TRUE(functions) << functions.error().message;
    expect_right(*functions, 5, 48);
    expect_right(*functions, 3, 50);
    (*jit)->unload(object);
    auto again = (*jit)->load(object);
    ASSERT_TRUE(again) << again.error().message;
    expect_right(*again, 5, 48);
  }
}

TEST(Jit, RefusesTheSameObjectTwice) {
  auto jit = Jit::create();
  ASSERT_TRUE(jit);
  const Object object = leaf_object();
  ASSERT_TRUE((*jit)->load(object));
  EXPECT_FALSE((*jit)->load(object));
}

TEST(Specialise, MakesConstantsOfTheShape) {
  const Object any = leaf_object(leaf_spec(4, 0, 0)), fixed = leaf_object(leaf_spec(4, 5, 48));
  EXPECT_NE(any.bytes, fixed.bytes);
  auto jit = Jit::create();
  ASSERT_TRUE(jit);
  auto functions = (*jit)->load(fixed);
  ASSERT_TRUE(functions) << functions.error().message;
  expect_right(*functions, 5, 48);
}

TEST(Specialise, TwoThreadsMakeTheSameBytesAsOne) {
  std::vector<Object> alone, together(8);
  for (int64_t step = 1; step <= 8; ++step) alone.push_back(leaf_object(leaf_spec(step)));
  const std::string bitcode = leaf_bitcode();
  const auto job = [&](size_t begin) {
    for (size_t i = begin; i < together.size(); i += 2)
      together[i] = specialise_bitcode(bitcode, leaf_spec(static_cast<int64_t>(i) + 1)).value();
  };
  std::thread other(job, 1);
  job(0);
  other.join();
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(alone[i].bytes, together[i].bytes) << i;
}

TEST(Specialise, ReportsWhatItSaw) {
  const Object object = leaf_object();
  EXPECT_GT(object.report.code_bytes, 100);
  EXPECT_EQ(object.report.spills, 0);
  EXPECT_GT(object.report.cycles, 0);
  EXPECT_LT(object.report.cycles, 1000);
  const auto text = disassemble(object);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("leaf_bytes_scalar__step4_bias0_0x0_run:"), std::string::npos) << *text;
}

TEST(Specialise, MissingValueAndValueTooLargeAreErrors) {
  Spec spec = leaf_spec();
  spec.name.parameters = {{"step", 4}};
  const auto missing = specialise_bitcode(leaf_bitcode(), spec);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("bias"), std::string::npos);
  spec.name.parameters = {{"step", 4}, {"bias", int64_t{1} << 40}};
  EXPECT_FALSE(specialise_bitcode(leaf_bitcode(), spec));
}

struct Broken {
  const char* what;
  const char* wanted;  // part of the message
};
class StructuralCheck : public testing::TestWithParam<Broken> {};

TEST_P(StructuralCheck, Refuses) {
  const Spec spec{.name = {"broken", "x", Isa::scalar, {}}, .n = 0, .k = 0};
  const std::string bitcode = fixture_bitcode(std::string("broken_") + GetParam().what);
  const auto object = specialise_bitcode(bitcode, spec);
  ASSERT_FALSE(object);
  EXPECT_NE(object.error().message.find(GetParam().wanted), std::string::npos)
      << object.error().message;
  EXPECT_EQ(object.error().message.find('\n'), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    Templates, StructuralCheck,
    testing::Values(Broken{"CALL", "elsewhere"}, Broken{"LIBCALL", "memcpy"},
                    Broken{"VLA", "variable length"}, Broken{"STACK", "16384 bytes"},
                    Broken{"STATE", "calls"}, Broken{"POINTER", "through a pointer"},
                    Broken{"TABLE", ".data.rel.ro"}, Broken{"MISSING", "missing"},
                    Broken{"CONSTRUCTOR", "llvm.global_ctors"}, Broken{"OPTNONE", "-O0"}),
    [](const auto& info) { return std::string(info.param.what); });

TEST(Hash, IgnoresDebugInformationButNotCode) {
  const auto hash = [](const std::string& name) {
    return bitcode_hash(fixture_bitcode(name)).value_or("");
  };
  const std::string here = hash("leaf_" + std::string(kArchitecture));
  EXPECT_EQ(here.size(), 16U);
  EXPECT_EQ(here, hash("leaf_elsewhere"));
  EXPECT_NE(here, hash("leaf_" + std::string(kForeign)));
}

TEST(Link, SameInputsGiveTheSameBytes) {
  const std::vector<std::byte> cache = leaf_cache();
  ASSERT_FALSE(cache.empty());
  EXPECT_EQ(cache, leaf_cache());
}

TEST(Link, ManifestIsFilledIn) {
  const std::vector<std::byte> cache = leaf_cache();
  const auto manifest = vet_cache(cache, IsaSet(), kLeafShapes);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->architecture, kArchitecture);
  EXPECT_EQ(manifest->isa, "scalar");
  EXPECT_EQ(manifest->llvm_version, llvm_version());
  ASSERT_EQ(manifest->kernels.size(), 1U);
  EXPECT_EQ(manifest->kernels[0].symbol_prefix, "leaf_bytes_scalar__step4_bias0_0x0");
  EXPECT_NE(manifest->kernels[0].run, 0U);
  EXPECT_EQ(manifest->plans.size(), 2U);
  EXPECT_EQ(manifest->plans[0].problems[0].problem, leaf_problem());
  EXPECT_EQ(manifest->plans[0].problems[0].classes[0].nanoseconds, 12.5);
}

TEST(Link, ManyKernelsAndAnotherArchitecture) {
  std::vector<Object> objects;
  Manifest manifest = leaf_manifest(leaf_spec(1, 0, 0, Isa::dotprod));
  for (int64_t step = 1; step <= 12; ++step) {
    const Spec spec = leaf_spec(step, 0, 0, Isa::dotprod);
    objects.push_back(leaf_object(spec, "aarch64"));
    if (step > 1) manifest.kernels.push_back(leaf_manifest(spec).kernels[0]);
  }
  const auto cache = link_cache(objects, manifest);
  ASSERT_TRUE(cache) << cache.error().message;
  IsaSet arm;
  arm.add(Isa::dotprod);
  EXPECT_TRUE(vet_cache(*cache, arm, kLeafShapes, "aarch64"));
  EXPECT_FALSE(vet_cache(*cache, arm, kLeafShapes, "x86_64"));
}

TEST(Link, RefusesWhatDoesNotBelongTogether) {
  const std::vector<Object> objects = {leaf_object()};
  EXPECT_FALSE(link_cache({}, leaf_manifest()));
  EXPECT_FALSE(link_cache(objects, leaf_manifest(leaf_spec(2))));
  Manifest two = leaf_manifest();
  two.kernels.push_back(two.kernels[0]);
  EXPECT_FALSE(link_cache(objects, two));
  const std::vector<Object> twice = {objects[0], objects[0]};
  const auto duplicate = link_cache(twice, two);  // lld's own words, its first line
  ASSERT_FALSE(duplicate);
  EXPECT_EQ(duplicate.error().message.find('\n'), std::string::npos);
  Manifest wrong = leaf_manifest();
  wrong.plans[0].problems[0].classes[1].m_min = 3;  // no kernel for two tokens
  EXPECT_FALSE(link_cache(objects, wrong));
}

TEST(Link, LeavesNoTemporaryFilesEvenWhenItFails) {
  const std::string folder = testing::TempDir() + "bitnet-link-test";
  std::filesystem::create_directories(folder);
  setenv("TMPDIR", folder.c_str(), 1);
  EXPECT_FALSE(leaf_cache().empty());
  const Object object = leaf_object();
  const std::vector<Object> twice = {object, object};
  Manifest two = leaf_manifest();
  two.kernels.push_back(two.kernels[0]);
  EXPECT_FALSE(link_cache(twice, two));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  setenv("TMPDIR", "/nonexistent", 1);
  const auto nowhere = link_cache({&object, 1}, leaf_manifest());
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("/nonexistent"), std::string::npos);
  unsetenv("TMPDIR");
  std::filesystem::remove_all(folder);
}

TEST(Link, LoadsBothWaysAndComputes) {
  const std::string path = testing::TempDir() + "leaf.kc";
  const std::vector<std::byte> cache = leaf_cache();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(cache.data()),
             static_cast<std::streamsize>(cache.size()));
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  for (const auto how : {LoadedCache::How::map, LoadedCache::How::dlopen}) {
    auto loaded = LoadedCache::load(path, IsaSet(), kLeafShapes, 3, how, leaf_machine());
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ((*loaded)->plan().threads, 4);
    EXPECT_EQ((*loaded)->describe(), "tuned kernels of " + path + " (scalar)");
    const auto found = (*loaded)->find(leaf_problem());
    ASSERT_TRUE(found);
    ASSERT_EQ(found->classes.size(), 2U);
    EXPECT_EQ(found->classes[1].m_max, kAnyTokens);
    expect_right(found->classes[0].functions, 5, 48);
    std::thread elsewhere([&] { expect_right(found->classes[0].functions, 5, 48); });
    elsewhere.join();
    Problem other = leaf_problem();
    other.n = 6;
    EXPECT_FALSE((*loaded)->find(other));
  }
}

}  // namespace
}  // namespace bitnet::codegen
