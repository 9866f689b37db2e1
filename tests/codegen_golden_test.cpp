// A template specialised by the code generator (bitcode + constants + O3) and the same template
// compiled with macros must be the same code, at default parameters, for every instance of the
// catalogue, foreign architectures included. Where the two drift apart, what is tuned is not what
// is built in.
#include <algorithm>
#include <map>
#include <sstream>

#include "tests/codegen/fixture.h"
#include "tests/kernel_case.h"

namespace bitnet::codegen {

void PrintTo(const Template& t, std::ostream* stream);
void PrintTo(const Template& t, std::ostream* stream) {
  *stream << t.kernel << "_" << t.packing << "_" << name(t.isa);
}

namespace {

KernelName default_name(const Template& t) { return {t.kernel, t.packing, t.isa, t.defaults}; }

// "run" -> its lines. Names of functions and padding (which follows from where code lies) are no
// part of the code.
std::map<std::string, std::vector<std::string>> functions_of(const Object& object) {
  const auto text = disassemble(object);
  EXPECT_TRUE(text) << text.error().message;
  std::map<std::string, std::vector<std::string>> functions;
  std::istringstream lines(text.value_or(""));
  std::vector<std::string>* function = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("  nop")) continue;
    if (line.front() == ' ' || line.front() == '.') {
      function->push_back(line);
    } else {
      line.pop_back();  // the colon
      function = &functions[line.substr(line.rfind('_') + 1)];
    }
  }
  return functions;
}

Object macro_object(const Template& t) {
  Object object{.spec = {.name = default_name(t), .n = 0, .k = 0}, .bytes = {}, .report = {}};
  const std::string text =
      read_text(BITNET_BINARY_DIR "/tests/golden/" + to_string(object.spec.name) + ".o");
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  object.bytes.assign(data, data + text.size());
  return object;
}

class EveryTemplate : public testing::TestWithParam<Template> {};

TEST_P(EveryTemplate, SpecialisedIsTheSameCodeAsCompiledWithMacros) {
  const auto made = specialise({.name = default_name(GetParam()), .n = 0, .k = 0});
  ASSERT_TRUE(made) << made.error().message;
  const auto ours = functions_of(*made), clangs = functions_of(macro_object(GetParam()));
  ASSERT_GE(ours.size(), 4U);
  ASSERT_EQ(ours.size(), clangs.size());
  for (const auto& [name, code] : ours) {
    const auto other = clangs.find(name);
    ASSERT_NE(other, clangs.end()) << name;
    const auto [a, b] = std::ranges::mismatch(code, other->second);
    EXPECT_TRUE(a == code.end() && b == other->second.end())
        << name << " differs at line " << a - code.begin() << " of " << code.size()
        << "\n  specialised: " << (a == code.end() ? "(end)" : *a)
        << "\n  with macros: " << (b == other->second.end() ? "(end)" : *b);
  }
}

TEST_P(EveryTemplate, ComputesWhatTheBuiltInKernelComputes) {
  const Template& t = GetParam();
  if (!reported_isa().has(t.isa)) GTEST_SKIP() << "this CPU has no " << name(t.isa);
  const auto& all = builtin_kernels();
  const auto builtin = std::ranges::find(all, default_name(t), &BuiltinKernel::name);
  ASSERT_NE(builtin, all.end()) << to_string(default_name(t));
  const auto jit = Jit::create();
  ASSERT_TRUE(jit) << jit.error().message;
  const int64_t m = std::min<int64_t>(t.m_max, 5);
  // The shape as constants; as arguments it is the built-in kernel's own code, says the test above.
  const auto made = specialise({.name = default_name(t), .n = 70, .k = 260});
  ASSERT_TRUE(made) << made.error().message;
  const auto functions = (*jit)->load(*made);
  ASSERT_TRUE(functions) << functions.error().message;
  const KernelCase problem({m, 70, 260}, /*seed=*/11);
  for (BnEpilogue epilogue :
       {BN_INT32, BN_SCALED, BN_SCALED_ADD, BN_GATE_UP_SILU, BN_GATE_UP_RELU2}) {
    const auto want = problem.want(epilogue);
    EXPECT_EQ(problem.run(*functions, epilogue), want) << "specialised, epilogue " << epilogue;
    EXPECT_EQ(problem.run(builtin->functions, epilogue), want) << "built in, epilogue " << epilogue;
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryTemplate, testing::ValuesIn(templates()),
                         [](const auto& info) { return to_string(default_name(info.param)); });

TEST(Templates, AreTheWholeCatalogue) {
  EXPECT_FALSE(templates().empty());
  for (const BuiltinKernel& kernel : builtin_kernels()) {
    const bool there = std::ranges::any_of(
        templates(), [&](const Template& t) { return default_name(t) == kernel.name; });
    EXPECT_TRUE(there) << to_string(kernel.name);
  }
}

TEST(Templates, RefuseParametersThatAreNoChoice) {
  const Template& t = templates().front();
  KernelName unknown = default_name(t);
  unknown.kernel = "nothing";
  EXPECT_FALSE(specialise({.name = unknown, .n = 0, .k = 0}));
  KernelName value = default_name(t);
  value.parameters.front().second = 17;
  const auto refused = specialise({.name = value, .n = 0, .k = 0});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("17"), std::string::npos) << refused.error().message;
  KernelName fewer = default_name(t);
  fewer.parameters.pop_back();
  EXPECT_FALSE(specialise({.name = fewer, .n = 0, .k = 0}));
}

}  // namespace
}  // namespace bitnet::codegen
