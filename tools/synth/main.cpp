// bitnet-synth: a model of random ternary weights in a named shape.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/output_check.h"
#include "runtime/model/architecture.h"
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
  std::string shape, path, architecture, type = "i2_s", head, group;
  synth::Options options;
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
  return out + "The same shape, seed and group give the same weights in every ternary type.";
}

// The ternary ones first: of matrices; all but I2_S of embedding and head.
constexpr std::pair<std::string_view, GgmlType> kTypes[] = {
    {"i2_s", GgmlType::i2_s},   {"tq2_0", GgmlType::tq2_0},   {"tq1_0", GgmlType::tq1_0},
    {"q1_0", GgmlType::q1_0},   {"q2_0", GgmlType::q2_0},     {"q2_0_g128", GgmlType::q2_0_g128},
    {"pq2_0", GgmlType::pq2_0}, {"ptq1_0", GgmlType::ptq1_0}, {"q4_0", GgmlType::q4_0},
    {"q4_1", GgmlType::q4_1},   {"q4_k", GgmlType::q4_k},     {"q5_0", GgmlType::q5_0},
    {"q5_k", GgmlType::q5_k},   {"q6_k", GgmlType::q6_k},     {"q8_0", GgmlType::q8_0},
    {"f16", GgmlType::f16},     {"bf16", GgmlType::bf16},     {"f32", GgmlType::f32}};
constexpr size_t kTernaryTypes = 8;

std::vector<std::string> names_of(size_t begin, size_t end) {
  std::vector<std::string> names;
  for (size_t i = begin; i < end; ++i) names.emplace_back(kTypes[i].first);
  return names;
}

GgmlType type_named(std::string_view name) {
  return std::ranges::find(kTypes, name, &std::pair<std::string_view, GgmlType>::first)->second;
}

void declare(Options& options, Arguments& a) {
  options.footer(shape_table());
  options.add_option("shape", a.shape, "name of the shape")->required()->type_name("SHAPE");
  options.add_option("out", a.path, "file to write")->required()->type_name("OUT.gguf");
  options.add_choice("--type", a.type, names_of(0, kTernaryTypes),
                     "of the ternary (q1_0: binary) matrices");
  options.add_choice("--group", a.group, {"64", "128", "256"},
                     "weights that share a scale (default: the whole matrix in i2_s, tq2_0 and "
                     "tq1_0, else 128)");
  options.add_choice("--head", a.head, names_of(1, std::size(kTypes)),
                     "of embedding and head (default: q6_k where rows allow, else f16)");
  options.add_option("--seed", a.options.seed, "of the random weights")->capture_default_str();
  std::vector<std::string> names;
  for (const Architecture& architecture : architectures()) names.emplace_back(architecture.name);
  options.add_choice("--arch", a.architecture, names, "another architecture");
  options.add_option("--layers", a.layers, "another number of layers")->check(between(1, 1000));
  options.add_option("--vocab", a.vocabulary, "another vocabulary size")
      ->check(between(synth::kLeastVocabulary, 1 << 20));
  options.add_flag("--force", a.force,
                   "replace OUT.gguf whatever it is (default: only a GGUF model)");
  options.add_threads(a.threads, "threads");
}

bool looks_like_gguf(std::string_view head) { return head.starts_with("GGUF"); }

Result<int> run(Arguments& a) {
  const auto begin = std::chrono::steady_clock::now();
  Result<synth::Shape> found = synth::find_shape(a.shape);
  if (!found) return fail(Error::Kind::usage, "{}", found.error().message);
  synth::Shape& shape = *found;
  BITNET_CHECK(check_output(a.path, {.name = "a GGUF model", .recognises = looks_like_gguf},
                            {.inputs = {}, .force = a.force}));
  if (!a.architecture.empty()) shape.architecture = a.architecture;
  if (a.layers > 0) shape.layers = a.layers;
  if (a.vocabulary > 0) shape.vocabulary = a.vocabulary;
  a.options.type = type_named(a.type);
  if (!a.group.empty()) a.options.group = parse_number<int64_t>(a.group).value();
  if (!a.head.empty()) a.options.head = type_named(a.head);
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
  Options options(
      "bitnet-synth",
      "Writes a GGUF model of random ternary weights, to time and test engines without real ones.",
      "bitnet-synth " BITNET_VERSION);
  declare(options, arguments);
  return run_program(options, argc, argv, [&] { return run(arguments); });
}
