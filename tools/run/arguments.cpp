#include "tools/run/arguments.h"

#include <array>
#include <map>
#include <random>

#include "runtime/cpu/isa.h"
#include "tools/common/model_options.h"

namespace bitnet {
namespace {

constexpr const char* kExamples = R"(Examples:
  bitnet-run model.gguf -p "Once upon a time" -n 100        continue a text
  bitnet-run model.gguf -cnv -sys "You are brief."          chat; Ctrl-D ends it, Ctrl-C ends a reply
  bitnet-run model.gguf -p "2+2=" -n 1 --temp 0             the likeliest token
  bitnet-run model.gguf -f prompt.txt -t 4 -c 8192          a prompt from a file
  bitnet-run model.gguf --perplexity text.txt --chunks 20   how well the model predicts a text
  bitnet-run model.gguf -p "Hello" --tokenize               token ids
  bitnet-run model.gguf -p "Hi" -n 8 --temp 0 --receipt     a digest that is the same on every CPU

Text goes to stdout, everything else to stderr. Tune first (bitnet-tune model.gguf) for the best speed: the result is
found by itself, and never changes a token.
Exit codes: 0 done, 1 error, 2 wrong command line, 130 ended by Ctrl-C.)";

constexpr std::array<OneDash, 7> kOneDash{{{"-ub", "--ubatch-size"},
                                           {"-ctk", "--cache-type-k"},
                                           {"-ctv", "--cache-type-v"},
                                           {"-cnv", "--conversation"},
                                           {"-sys", "--system-prompt"},
                                           {"-tb", "--threads-batch"},
                                           {"-no-cnv", "--no-conversation"}}};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// \n \r \t \' \" \\ \xNN; anything else after a backslash stays as it is.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    const int high = next == 'x' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else if (next == 'n' || next == 'r' || next == 't') {
      out += next == 'n' ? '\n' : next == 'r' ? '\r' : '\t';
    } else if (next == '\\' || next == '"' || next == '\'') {
      out += next;
    } else {
      (out += '\\') += next;
    }
  }
  return out;
}

std::string isa_names() {
  std::string names;
  for (const IsaLevel& level : isa_levels())
    names += (names.empty() ? "" : " ") + std::string(level.name);
  return names;
}

std::string kv_type_check(const std::string& type) {
  if (type == "f16" || type == "f32") return {};
  if (type == "q8_0") return "cache type q8_0 does not exist yet: wanted f16 or f32";
  return "cache type " + type + ": wanted f16 or f32";
}

// CLI11 fills these; finish() turns them into Arguments.
struct Raw {
  std::string prompt, system, isa, kernels = "auto", loader = "map", activations = "int8",
                                   kv_k = "f16", kv_v = "f16", ppl_mode = "llama", receipt,
                                   perplexity_file, model;
  int64_t batch = 2048, ubatch = 512, seed = -1;
  bool escapes = true;
};

void add_input(CLI::App& app, Arguments& a, Raw& raw) {
  app.add_option("MODEL,-m,--model", raw.model, "model file (GGUF)")->type_name("FILE");
  app.add_option("-p,--prompt", raw.prompt, "text to continue, or the first message of a chat")
      ->type_name("TEXT")
      ->group("Input");
  app.add_option("-f,--file", a.prompt_file,
                 "the prompt from a file; one newline at its end is dropped")
      ->type_name("FILE")
      ->group("Input");
  app.add_flag("-e,--escape,!--no-escape", raw.escapes,
               "\\n \\r \\t \\\" \\\\ \\xNN in -p mean what they mean in C (default: yes)")
      ->group("Input");
  app.add_flag("--conversation,!--no-conversation", a.conversation, "-cnv: chat")->group("Input");
  app.add_option("--system-prompt", raw.system, "-sys: what the model is told before a chat")
      ->type_name("TEXT")
      ->group("Input");
}

void add_generation(CLI::App& app, Arguments& a, Raw& raw) {
  SamplerOptions& s = a.sampler;
  const char* group = "Generation";
  app.add_option("-n,--predict,--n-predict", a.predict,
                 "tokens to generate, -1: until the model stops")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_option("-c,--ctx-size", a.context,
                 "context in tokens, 0: the model's own (default: that, at most 4096; 512 for "
                 "--perplexity)")
      ->type_name("N")
      ->group(group);
  app.add_option("--temp", s.temperature, "temperature, 0: always the likeliest token")
      ->capture_default_str()
      ->type_name("T")
      ->group(group);
  app.add_option("--top-k", s.top_k, "among the best K, 0: all")
      ->capture_default_str()
      ->type_name("K")
      ->group(group);
  app.add_option("--top-p", s.top_p, "among the best that sum to P, 1: all")
      ->capture_default_str()
      ->type_name("P")
      ->group(group);
  app.add_option("--min-p", s.min_p, "among those with P of the best one's probability, 0: all")
      ->capture_default_str()
      ->type_name("P")
      ->group(group);
  app.add_option("--repeat-penalty", s.repeat_penalty, "of the last tokens, 1: none")
      ->capture_default_str()
      ->type_name("R")
      ->group(group);
  app.add_option("--repeat-last-n", s.repeat_last_n, "how many they are, -1: all")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_option("-s,--seed", raw.seed, "same seed, same text, on every CPU; -1: a random one")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_flag("!--no-display-prompt", a.display_prompt,
               "do not print the prompt before its continuation")
      ->group(group);
}

void add_speed(CLI::App& app, Arguments& a, Raw& raw) {
  const char* group = "Speed (none of these changes a token)";
  app.add_option("-t,--threads", a.model.threads,
                 "threads (default: physical cores that this process may use)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N")
      ->group(group);
  app.add_option("--threads-batch", "-tb: accepted and ignored, -t serves prompts too")
      ->type_name("N")
      ->group(group);
  app.add_option("-b,--batch-size", raw.batch, "most tokens of a prompt given to the model at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N")
      ->group(group);
  app.add_option("--ubatch-size", raw.ubatch,
                 "-ub: most tokens computed at once; the smaller of both counts")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 16))
      ->type_name("N")
      ->group(group);
  app.add_option("--kernels", raw.kernels,
                 "auto: tuned if there are any; builtin; reference: plain and slow")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "builtin", "reference"}))
      ->group(group);
  app.add_option("--isa", raw.isa, "use no more than this level: " + isa_names())
      ->type_name("LEVEL")
      ->group(group);
  app.add_option("--cache", a.model.cache_path,
                 "kernel cache of bitnet-tune (default: searched for)")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--loader", raw.loader, "map, or dlopen: for gdb and perf")
      ->capture_default_str()
      ->check(CLI::IsMember({"map", "dlopen"}))
      ->group(group);
}

void add_precision(CLI::App& app, Raw& raw) {
  const char* group = "Precision";
  app.add_option("--cache-type-k", raw.kv_k, "-ctk: type of cached keys, f16 or f32")
      ->capture_default_str()
      ->check(kv_type_check)
      ->type_name("TYPE")
      ->group(group);
  app.add_option("--cache-type-v", raw.kv_v, "-ctv: type of cached values, f16 or f32")
      ->capture_default_str()
      ->check(kv_type_check)
      ->type_name("TYPE")
      ->group(group);
  app.add_option("--activations", raw.activations,
                 "int8 as trained, or float: slow, to compare with")
      ->capture_default_str()
      ->check(CLI::IsMember({"int8", "float"}))
      ->group(group);
}

void add_tasks(CLI::App& app, Arguments& a, Raw& raw) {
  const char* group = "Instead of generating";
  app.add_flag("--tokenize", a.tokenize, "print the prompt's token ids")->group(group);
  app.add_option("--perplexity", raw.perplexity_file,
                 "perplexity of a text (or of -f FILE), in llama.cpp's windows")
      ->expected(0, 1)
      ->type_name("FILE")
      ->group(group);
  app.add_option("--chunks", a.chunks, "only the first N windows, -1: all")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_option("--ppl-mode", raw.ppl_mode,
                 "llama: the second half of each whole window is scored; full: all of it and the "
                 "last, shorter one")
      ->capture_default_str()
      ->check(CLI::IsMember({"llama", "full"}))
      ->group(group);
}

void add_output(CLI::App& app, Arguments& a, Raw& raw) {
  const char* group = "Output";
  app.add_option("--receipt", raw.receipt,
                 "print a digest of tokens, hidden states and best logits; =full: of all logits")
      ->expected(0, 1)
      ->default_str("top")
      ->check(CLI::IsMember({"top", "full"}))
      ->type_name("[=full]")
      ->group(group);
  app.add_flag("--log-disable", a.quiet, "nothing on stderr but errors and what was asked for")
      ->group(group);
  app.add_flag("-v,--verbose", a.verbose, "which kernel serves which matrix")->group(group);
}

Result<void> finish(const CLI::App& app, Arguments& a, Raw& raw) {
  a.model_path = raw.model;
  if (app.count("--prompt") > 0) a.prompt = raw.escapes ? unescape(raw.prompt) : raw.prompt;
  if (app.count("--system-prompt") > 0) a.system = raw.escapes ? unescape(raw.system) : raw.system;
  a.perplexity = app.count("--perplexity") > 0;
  a.perplexity_file = raw.perplexity_file.empty() ? a.prompt_file : raw.perplexity_file;
  a.score_all = raw.ppl_mode == "full";
  a.receipt = app.count("--receipt") > 0;
  a.receipt_full = raw.receipt == "full";
  a.kv_k = raw.kv_k == "f32" ? KvType::f32 : KvType::f16;
  a.kv_v = raw.kv_v == "f32" ? KvType::f32 : KvType::f16;
  a.sampler.seed = raw.seed >= 0 ? static_cast<uint64_t>(raw.seed) : std::random_device{}();

  ModelOptions& m = a.model;
  m.batch = std::min(raw.batch, raw.ubatch);
  m.kernels = raw.kernels == "reference" ? KernelChoice::reference
              : raw.kernels == "builtin" ? KernelChoice::builtin
                                         : KernelChoice::automatic;
  m.loader = raw.loader == "dlopen" ? Loader::dlopen : Loader::map;
  m.activations = raw.activations == "float" ? Activations::float32 : Activations::int8;
  if (!raw.isa.empty()) {
    m.isa = parse_isa(raw.isa);
    if (!m.isa) return fail(Error::Kind::usage, "--isa {}: wanted one of {}", raw.isa, isa_names());
  }

  if (a.model_path.empty())
    return fail(Error::Kind::usage, "no model: bitnet-run model.gguf -p TEXT, or --help");
  if (a.prompt && !a.prompt_file.empty())
    return fail(Error::Kind::usage, "both -p and -f give a prompt: wanted one of them");
  if (!a.prompt && a.prompt_file.empty() && !a.conversation && !a.perplexity)
    return fail(Error::Kind::usage,
                "nothing to do: wanted -p TEXT, -f FILE, -cnv or --perplexity FILE");
  if (a.perplexity && a.perplexity_file.empty())
    return fail(Error::Kind::usage, "--perplexity: wanted a text file");
  if (a.system && !a.conversation) return fail(Error::Kind::usage, "-sys: wanted -cnv with it");
  if (a.context < -1)
    return fail(Error::Kind::usage, "-c {}: wanted a number of tokens", a.context);
  if (Result<void> sampler = check(a.sampler); !sampler)
    return fail(Error::Kind::usage, "{}", sampler.error().message);
  return {};
}

}  // namespace

struct CommandLine::State {
  CLI::App app{"Runs ternary language models (BitNet b1.58).", "bitnet-run"};
  Arguments arguments;
  Raw raw;
};

CommandLine::CommandLine() : state_(std::make_unique<State>()) {
  auto& [app, arguments, raw] = *state_;
  app.set_version_flag("--version", "bitnet-run " BITNET_VERSION);
  app.footer(kExamples);
  app.get_formatter()->column_width(34);
  add_input(app, arguments, raw);
  add_generation(app, arguments, raw);
  add_speed(app, arguments, raw);
  add_precision(app, raw);
  add_model_file_options(app, arguments.model.file);
  add_tasks(app, arguments, raw);
  add_output(app, arguments, raw);
}
CommandLine::~CommandLine() = default;

CLI::App& CommandLine::app() { return state_->app; }

std::span<const OneDash> CommandLine::one_dash() { return kOneDash; }

Result<Arguments> CommandLine::arguments() {
  BITNET_CHECK(finish(state_->app, state_->arguments, state_->raw));
  return state_->arguments;
}

}  // namespace bitnet
