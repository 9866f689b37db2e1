// bitnet-bench: llama-bench's options and output for this runtime.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>

#include "runtime/base/mapped_file.h"
#include "runtime/cpu/topology.h"
#include "runtime/model/hparams.h"
#include "tools/bench/int_list.h"
#include "tools/bench/output.h"
#include "tools/common/model_options.h"
#include "tools/common/program.h"

namespace {

using namespace bitnet;
using namespace bitnet::bench;

constexpr int kMostTokens = 1 << 20;
constexpr std::array<OneDash, 7> kOneDash{{{"-pg", "--pg"},
                                           {"-ub", "--ub"},
                                           {"-ctk", "--ctk"},
                                           {"-ctv", "--ctv"},
                                           {"-ngl", "--ngl"},
                                           {"-fa", "--fa"},
                                           {"-mmp", "--mmp"}}};

struct Arguments {
  std::string model{}, cache{}, isa{}, kernels = "auto", output = "md", kv_k = "f16", kv_v = "f16";
  std::string prompts = "512", generates = "128", depths = "0", threads{};
  std::vector<std::string> both{};  // -pg
  int repetitions = 5, batch = 2048, ubatch = 512;
  bool no_warm_up = false, progress = false;
  ModelFileOptions file{};
};

// Every combination, prompts before generation, as llama-bench orders them.
Result<std::vector<Test>> tests_of(const Arguments& a) {
  BITNET_TRY(const std::vector<int> prompts, parse_int_list(a.prompts, "-p", 0, kMostTokens));
  BITNET_TRY(const std::vector<int> generates, parse_int_list(a.generates, "-n", 0, kMostTokens));
  BITNET_TRY(const std::vector<int> depths, parse_int_list(a.depths, "-d", 0, kMostTokens));
  std::vector<Test> tests;
  for (int depth : depths) {
    for (int prompt : prompts) {
      if (prompt > 0) tests.push_back({.prompt = prompt, .generate = 0, .depth = depth});
    }
    for (int generate : generates) {
      if (generate > 0) tests.push_back({.prompt = 0, .generate = generate, .depth = depth});
    }
    for (const std::string& pair : a.both) {
      BITNET_TRY(const std::vector<int> numbers, parse_int_list(pair, "-pg", 1, kMostTokens));
      if (numbers.size() != 2)
        return fail(Error::Kind::invalid, "-pg {}: wanted two numbers", pair);
      tests.push_back({.prompt = numbers[0], .generate = numbers[1], .depth = depth});
    }
  }
  if (tests.empty()) return fail(Error::Kind::invalid, "-p 0 -n 0: nothing to measure");
  return tests;
}

Result<ModelOptions> options_of(const Arguments& a, int threads) {
  ModelOptions options;
  options.threads = threads;
  options.cache_path = a.cache;
  options.file = a.file;
  options.batch = a.ubatch;
  if (a.kernels == "builtin") options.kernels = KernelChoice::builtin;
  if (a.kernels == "reference") options.kernels = KernelChoice::reference;
  if (!a.isa.empty()) {
    options.isa = parse_isa(a.isa);
    if (!options.isa) return fail(Error::Kind::invalid, "--isa {}: no such level", a.isa);
  }
  return options;
}

KvType kv_type(const std::string& name) { return name == "f32" ? KvType::f32 : KvType::f16; }

// "bitnet-b1.58 2.41B", "bitnet 4M"
std::string type_of(const Model& model) {
  const double millions = 1e-6 * static_cast<double>(model.parameters());
  return millions < 1000 ? fmt::format("{} {:.0f}M", model.hparams().architecture, millions)
                         : fmt::format("{} {:.2f}B", model.hparams().architecture, 1e-3 * millions);
}

ModelFacts facts_of(const Arguments& a, const Model& model) {
  return {.path = a.model,
          .type = type_of(model),
          .bytes = model.file_bytes(),
          .parameters = model.parameters(),
          .batch = a.batch,
          .ubatch = a.ubatch,
          .kv = {kv_type(a.kv_k), kv_type(a.kv_v)},
          .machine = this_machine(proved_isa())};
}

void print_progress(const Arguments& a, const std::string& text) {
  if (a.progress) message("bitnet-bench: {}\n", text);
  if (!a.progress && isatty(STDERR_FILENO) != 0) message("\r\033[K{}", text.empty() ? "" : text);
}

Result<int> run(const Arguments& a) {
  Output out;
  BITNET_TRY(const std::vector<Test> tests, tests_of(a));
  std::vector<int> thread_counts{default_thread_count()};
  if (!a.threads.empty()) {
    BITNET_TRY(thread_counts, parse_int_list(a.threads, "-t", 1, 1024));
  }
  std::vector<Measurement> all;
  ModelFacts facts;
  for (int threads : thread_counts) {
    BITNET_TRY(const ModelOptions options, options_of(a, threads));
    auto loaded = Model::load(a.model, options);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    Model& model = *loaded;
    facts = facts_of(a, model);
    if (all.empty()) {
      print_progress(a, "");
      print_notices(model.notices());
      message("{}\n", model.kernels_in_use());
      if (a.output == "md") BITNET_CHECK(out.write(markdown_header()));
      if (a.output == "csv") BITNET_CHECK(out.write(csv_header()));
    }
    const RoofBuffer roof(model.weight_bytes_per_token(), threads);
    for (const Test& test : tests) {
      const auto step = [&](const std::string& what) {
        print_progress(a, fmt::format("{} with {} threads: {}", name(test), threads, what));
      };
      BITNET_TRY(Measurement m,
                 measure(model, test, a.repetitions, !a.no_warm_up, facts.kv, roof, step));
      print_progress(a, "");
      if (a.output == "md") BITNET_CHECK(out.write(markdown_row(facts, m)));
      if (a.output == "csv") BITNET_CHECK(out.write(csv_row(facts, m)));
      all.push_back(std::move(m));
    }
  }
  if (a.output == "json") BITNET_CHECK(out.write(to_json(facts, all)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Measures prompt and generation speed; options and output as llama-bench has them. Lists "
      "are\n"
      "comma-separated; every combination is a test.",
      "bitnet-bench"};
  Arguments a;
  app.add_option("model,-m,--model", a.model, "model file (GGUF)")->required()->type_name("FILE");
  const auto list = [&](const char* names, std::string& value, const char* description) {
    return app.add_option(names, value, description)
        ->multi_option_policy(CLI::MultiOptionPolicy::Join)
        ->delimiter(',')
        ->type_name("LIST")
        ->capture_default_str();
  };
  list("-p,--n-prompt", a.prompts, "prompt lengths, 0: none");
  list("-n,--n-gen", a.generates, "tokens to generate, 0: none");
  app.add_option("--pg", a.both, "-pg: prompt and generation in one test")->type_name("PP,TG");
  list("-d,--n-depth", a.depths, "tokens of context before the test");
  list("-t,--threads", a.threads, "thread counts (default: physical cores)");
  app.add_option("-r,--repetitions", a.repetitions, "repetitions")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--ub,--ubatch-size", a.ubatch, "-ub: most tokens evaluated at once")
      ->check(CLI::Range(1, kMostTokens).description(""))
      ->type_name("N")
      ->capture_default_str();
  const auto cache_type = [&](const char* names, std::string& value, const char* description) {
    app.add_option(names, value, description)
        ->check(CLI::IsMember({"f16", "f32"}))
        ->type_name("NAME")
        ->capture_default_str();
  };
  cache_type("--ctk,--cache-type-k", a.kv_k, "-ctk: type of cached keys");
  cache_type("--ctv,--cache-type-v", a.kv_v, "-ctv: type of cached values");
  app.add_option("-o,--output", a.output, "format of what is printed")
      ->check(CLI::IsMember({"md", "json", "csv"}))
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--kernels", a.kernels, "which kernels")
      ->check(CLI::IsMember({"auto", "builtin", "reference"}))
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--isa", a.isa, "use this instruction-set level and its parents only")
      ->type_name("LEVEL");
  app.add_option("--cache", a.cache, "kernel cache to use (default: search the usual places)")
      ->type_name("FILE");
  add_model_file_options(app, a.file);
  app.add_flag("--no-warmup", a.no_warm_up, "no warm-up run");
  app.add_option("-b,--batch-size", a.batch, "printed as n_batch, no more: -ub cuts")
      ->check(CLI::Range(1, kMostTokens).description(""))
      ->type_name("N")
      ->capture_default_str();
  for (const char* name : {"--ngl,--n-gpu-layers", "--fa,--flash-attn", "--mmp,--mmap"}) {
    app.add_option(name, "taken from llama-bench's scripts and ignored")->type_name("N");
  }
  app.add_flag("--progress", a.progress, "a line on stderr for every step");
  app.set_version_flag("--version", std::string("bitnet-bench ") + BITNET_VERSION);
  return run_program(app, argc, argv, kOneDash, [&] { return run(a); });
}
