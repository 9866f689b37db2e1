#include "tools/bench/arguments.h"

#include <algorithm>
#include <filesystem>

#include "runtime/cpu/topology.h"
#include "tools/bench/int_list.h"
#include "tools/bench/output.h"
#include "tools/common/model_options.h"

namespace bitnet::bench {
namespace {

constexpr int kMostTokens = 1 << 20;
constexpr int kMostThreads = 1024;

using Texts = std::vector<std::string>;

std::string joined(const Texts& lists) {
  std::string all;
  for (const std::string& list : lists) all.append(all.empty() ? "" : ",").append(list);
  return all;
}

Texts split(const std::string& list) {
  Texts items;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    items.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

Result<std::vector<int>> ints(const Texts& lists, const char* option, int least, int most) {
  return parse_int_list(joined(lists), option, least, most);
}

// A comma separates files, but for a file that has one in its name.
Texts model_paths(const Texts& given) {
  Texts paths;
  for (const std::string& text : given) {
    std::error_code none;
    const Texts items = std::filesystem::exists(text, none) ? Texts{text} : split(text);
    paths.insert(paths.end(), items.begin(), items.end());
  }
  return paths;
}

Result<std::vector<KvType>> kv_types(const Texts& lists, const char* option) {
  std::vector<KvType> types;
  for (const std::string& name : split(joined(lists))) {
    if (name != "f16" && name != "f32")
      return fail(Error::Kind::usage, "{} {}: wanted f16 or f32", option, name);
    types.push_back(name == "f32" ? KvType::f32 : KvType::f16);
  }
  return types;
}

// Every combination, prompts before generation, as llama-bench orders them.
Result<std::vector<Test>> tests_of(const Arguments& a) {
  BITNET_TRY(const std::vector<int> prompts, ints(a.prompts, "-p", 0, kMostTokens));
  BITNET_TRY(const std::vector<int> generates, ints(a.generates, "-n", 0, kMostTokens));
  BITNET_TRY(const std::vector<int> depths, ints(a.depths, "-d", 0, kMostTokens));
  std::vector<Test> tests;
  for (int depth : depths) {
    for (int prompt : prompts)
      if (prompt > 0) tests.push_back({.prompt = prompt, .generate = 0, .depth = depth});
    for (int generate : generates)
      if (generate > 0) tests.push_back({.prompt = 0, .generate = generate, .depth = depth});
    for (const std::string& pair : a.both) {
      BITNET_TRY(const std::vector<int> numbers, ints({pair}, "-pg", 1, kMostTokens));
      if (numbers.size() != 2) return fail(Error::Kind::usage, "-pg {}: wanted two numbers", pair);
      tests.push_back({.prompt = numbers[0], .generate = numbers[1], .depth = depth});
    }
  }
  if (tests.empty()) return fail(Error::Kind::usage, "-p 0 -n 0: nothing to measure");
  return tests;
}

Result<ModelOptions> common_options(const Arguments& a) {
  ModelOptions options;
  options.cache_path = a.cache;
  options.file = a.file;
  if (a.kernels == "builtin") options.kernels = KernelChoice::builtin;
  if (a.kernels == "reference") options.kernels = KernelChoice::reference;
  if (!a.isa.empty()) {
    options.isa = parse_isa(a.isa);
    if (!options.isa) return fail(Error::Kind::usage, "--isa {}: no such level", a.isa);
  }
  return options;
}

Result<std::vector<int>> thread_counts(const Arguments& a) {
  if (a.threads.empty()) return std::vector{default_thread_count()};
  return ints(a.threads, "-t", 1, kMostThreads);
}

// --vs: the same, but for its kernels.
ModelOptions versus_of(ModelOptions options, const std::string& versus) {
  const bool builtin = versus == "builtin";
  options.kernels = builtin ? KernelChoice::builtin : KernelChoice::automatic;
  options.cache_path = builtin ? "" : versus;
  return options;
}

// Each list of settings multiplies the setups that there are.
template <typename T, typename Set>
void multiply(std::vector<Setup>& setups, const std::vector<T>& values, const Set& set) {
  std::vector<Setup> all;
  for (const Setup& setup : setups)
    for (const T& value : values) set(all.emplace_back(setup), value);
  setups = std::move(all);
}

Result<std::vector<Setup>> setups_of(const Arguments& a) {
  BITNET_TRY(const std::vector<int> batches, ints(a.batches, "-b", 1, kMostTokens));
  BITNET_TRY(const std::vector<int> ubatches, ints(a.ubatches, "-ub", 1, kMostTokens));
  BITNET_TRY(const std::vector<int> threads, thread_counts(a));
  BITNET_TRY(const std::vector<KvType> k, kv_types(a.kv_k, "-ctk"));
  BITNET_TRY(const std::vector<KvType> v, kv_types(a.kv_v, "-ctv"));
  BITNET_TRY(const ModelOptions options, common_options(a));
  std::vector<Setup> setups{{.model = {}, .options = options, .kv = {}}};
  multiply(setups, model_paths(a.models), [](Setup& s, const std::string& m) { s.model = m; });
  multiply(setups, batches, [](Setup& s, int n) { s.batch = n; });
  multiply(setups, ubatches, [](Setup& s, int n) { s.ubatch = n; });
  multiply(setups, k, [](Setup& s, KvType type) { s.kv.k = type; });
  multiply(setups, v, [](Setup& s, KvType type) { s.kv.v = type; });
  multiply(setups, threads, [](Setup& s, int n) { s.options.threads = n; });
  for (Setup& s : setups) s.options.batch = std::min(s.batch, s.ubatch);
  if (!a.versus.empty())
    for (Setup& s : setups) s.versus = versus_of(s.options, a.versus);
  return setups;
}

std::vector<std::string> unusual_of(const std::vector<Setup>& setups) {
  std::vector<std::string> keys;
  const auto add = [&](const char* key, const auto& usual) {
    if (!std::ranges::all_of(setups, usual)) keys.emplace_back(key);
  };
  const Setup defaults;
  add("n_batch", [&](const Setup& s) { return s.batch == defaults.batch; });
  add("n_ubatch", [&](const Setup& s) { return s.ubatch == defaults.ubatch; });
  add("type_k", [&](const Setup& s) { return s.kv.k == defaults.kv.k; });
  add("type_v", [&](const Setup& s) { return s.kv.v == defaults.kv.v; });
  return keys;
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const Format& format : formats()) names.emplace_back(format.name);
  return names;
}

void declare_lists(Options& options, Arguments& a) {
  const auto list = [&](const char* names, Texts& value, const char* description) {
    options.add_option(names, value, description)->type_name("LIST")->default_str(joined(value));
  };
  list("-p,--n-prompt", a.prompts, "prompt lengths, 0: none");
  list("-n,--n-gen", a.generates, "tokens to generate, 0: none");
  options.add_option("-pg", a.both, "prompt and generation in one test")->type_name("PP,TG");
  list("-d,--n-depth", a.depths, "tokens of context before the test");
  list("-t,--threads", a.threads, "thread counts (default: physical cores)");
  list("-b,--batch-size", a.batches, "most tokens of a prompt given to the model at once");
  list("-ub,--ubatch-size", a.ubatches, "most tokens computed at once; the smaller of both counts");
  list("-ctk,--cache-type-k", a.kv_k, "types of cached keys, f16 or f32");
  list("-ctv,--cache-type-v", a.kv_v, "types of cached values, f16 or f32");
}

}  // namespace

void declare(Options& options, Arguments& a) {
  options.add_option("model,-m,--model", a.models, "model files (GGUF)")
      ->required()
      ->type_name("FILE");
  declare_lists(options, a);
  options.add_option("-r,--repetitions", a.repetitions, "repetitions")
      ->check(between(1, 1000))
      ->capture_default_str();
  options.add_choice("-o,--output", a.output, format_names(), "format of what is printed");
  std::vector<std::string> with_none = format_names();
  with_none.emplace_back("none");
  options.add_choice("-oe,--output-err", a.error_output, with_none, "the same on stderr");
  options.add_choice("--kernels", a.kernels, {"auto", "builtin", "reference"}, "which kernels");
  options.add_option("--isa", a.isa, "use this instruction-set level and its parents only")
      ->type_name("LEVEL");
  options.add_option("--cache", a.cache, "kernel cache to use (default: search the usual places)")
      ->type_name("FILE");
  options
      .add_option(
          "--vs", a.versus,
          "compare with other kernels, builtin or those of a cache FILE: each repetition is a "
          "round of both, in turns, and the median ratio is printed with its interval; two "
          "packed copies of the weights are held")
      ->type_name("builtin|FILE");
  add_model_file_options(options, a.file);
  options.add_flag("--no-warmup", a.no_warm_up, "no warm-up run");
  options.add_flag("--progress", a.progress, "a line on stderr for every step");
  options.add_flag("-v,--verbose", a.verbose, "which kernel serves which matrix");
}

Result<Plan> plan_of(const Arguments& a) {
  Plan plan;
  BITNET_TRY(plan.tests, tests_of(a));
  BITNET_TRY(plan.setups, setups_of(a));
  plan.unusual = unusual_of(plan.setups);
  return plan;
}

}  // namespace bitnet::bench
