// bitnet-synth: a model of random ternary weights in a named shape.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <map>

#include "runtime/base/output_check.h"
#include "runtime/threads/pool.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/synth/synth.h"
#include "tools/synth/vocabulary.h"

namespace {

using namespace bitnet;

// Set by Ctrl-C: the half-written file is removed before the program ends.
std::atomic<bool> stop = false;

struct Arguments {
  std::string shape, path, architecture;
  synth::Options options;
  GgmlType head = GgmlType::q6_k;
  int64_t layers = 0, vocabulary = 0;
  int threads = 0;
  bool force = false;
};

std::string shape_table() {
  std::string out = "shapes           architecture  hidden  ffn    layers  heads  vocabulary\n";
  for (const synth::Shape& s : synth::shapes()) {
    out += fmt::format("  {:<14} {:<12}  {:<6}  {:<5}  {:<6}  {:<5}  {}\n", s.name, s.architecture,
                       s.hidden, s.feed_forward, s.layers,
                       fmt::format("{}/{}", s.heads, s.kv_heads), s.vocabulary);
  }
  return out + "The same shape and seed give the same weights in every type.";
}

void declare(CLI::App& app, Arguments& a) {
  const std::map<std::string, GgmlType> ternary = {
      {"i2_s", GgmlType::i2_s}, {"tq2_0", GgmlType::tq2_0}, {"tq1_0", GgmlType::tq1_0}};
  const std::map<std::string, GgmlType> floats = {{"q6_k", GgmlType::q6_k},
                                                  {"q8_0", GgmlType::q8_0},
                                                  {"f16", GgmlType::f16},
                                                  {"bf16", GgmlType::bf16},
                                                  {"f32", GgmlType::f32}};
  app.set_version_flag("--version", "bitnet-synth " BITNET_VERSION);
  app.footer(shape_table());
  app.add_option("shape", a.shape, "name of the shape")->required()->type_name("SHAPE");
  app.add_option("out", a.path, "file to write")->required()->type_name("OUT.gguf");
  app.add_option("--type", a.options.type, "of the ternary matrices: i2_s, tq2_0, tq1_0 [i2_s]")
      ->transform(CLI::Transformer(ternary, CLI::ignore_case).description(""))
      ->type_name("TYPE");
  app.add_option(
         "--head", a.head,
         "of embedding and head: q6_k, q8_0, f16, bf16, f32 [q6_k where rows allow, else f16]")
      ->transform(CLI::Transformer(floats, CLI::ignore_case).description(""))
      ->type_name("TYPE");
  app.add_option("--seed", a.options.seed, "of the random weights [1]")->type_name("N");
  app.add_option("--arch", a.architecture,
                 "another architecture: bitnet, bitnet-b1.58, bitnet-25, llama")
      ->check(CLI::IsMember({"bitnet", "bitnet-b1.58", "bitnet-25", "llama"}).description(""))
      ->type_name("NAME");
  app.add_option("--layers", a.layers, "another number of layers")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
  app.add_option("--vocab", a.vocabulary, "another vocabulary size")
      ->check(CLI::Range(synth::kLeastVocabulary, int64_t{1} << 20).description(""))
      ->type_name("N");
  app.add_flag("--force", a.force, "replace OUT.gguf whatever it is [only a GGUF model]");
  app.add_option("-t,--threads", a.threads, "[physical cores]")
      ->check(CLI::Range(1, 1024).description(""))
      ->type_name("N");
}

bool looks_like_gguf(std::string_view head) { return head.starts_with("GGUF"); }

Result<int> run(Arguments& a, bool head_given) {
  BITNET_CHECK(check_output(a.path, {.name = "a GGUF model", .recognises = looks_like_gguf},
                            {.inputs = {}, .force = a.force}));
  const auto begin = std::chrono::steady_clock::now();
  BITNET_TRY(synth::Shape shape, synth::find_shape(a.shape));
  if (!a.architecture.empty()) shape.architecture = a.architecture;
  if (a.layers > 0) shape.layers = a.layers;
  if (a.vocabulary > 0) shape.vocabulary = a.vocabulary;
  if (head_given) a.options.head = a.head;
  a.options.stop = &stop;
  std::signal(SIGINT, [](int) { stop = true; });
  std::signal(SIGTERM, [](int) { stop = true; });

  Progress bar(Progress::style_for_stderr(false));
  a.options.progress = [&](uint64_t done, uint64_t total) {
    bar.update(static_cast<double>(done) / static_cast<double>(total), a.path);
  };
  BITNET_TRY(ThreadPool pool,
             ThreadPool::start(a.threads > 0 ? a.threads : default_thread_count()));
  BITNET_TRY(const synth::Summary written, synth::write_model(a.path, shape, a.options, pool));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const auto megabytes = [](uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  bar.clear();
  BITNET_CHECK(Output().write(fmt::format(
      "{}: {:.1f} MB, {} tensors; read per token: {:.1f} MB ternary, {:.1f} MB head; {:.1f} s\n",
      a.path, megabytes(written.file_bytes), written.tensors, megabytes(written.ternary_bytes),
      megabytes(written.head_bytes), seconds.count())));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Writes a GGUF model of random ternary weights, to time and test engines without real ones.",
      "bitnet-synth");
  declare(app, arguments);
  return run_program(app, argc, argv, {}, [&] { return run(arguments, app.count("--head") > 0); });
}
