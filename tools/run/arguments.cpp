#include "tools/run/arguments.h"

#include <random>

#include "runtime/base/printable.h"
#include "runtime/cpu/isa.h"
#include "tools/common/model_options.h"

namespace bitnet {
namespace {

constexpr const char* kExamples = R"(Examples:
  bitnet-run model.gguf -p "Once upon a time" -n 100        continue a text
  bitnet-run model.gguf -cnv -sys "You are brief."          chat; Ctrl-D ends it, Ctrl-C ends a reply
  bitnet-run model.gguf -st -p "What is 2+2?"               one message, one reply
  bitnet-run model.gguf -p "2+2=" -n 1 --temp 0             the likeliest token
  bitnet-run model.gguf -f prompt.txt -t 4 -c 8192          a prompt from a file
  bitnet-run model.gguf --perplexity text.txt --chunks 20   how well the model predicts a text
  bitnet-run model.gguf -p "Hello" --tokenize               token ids
  bitnet-run model.gguf -p "Hi" -n 8 --temp 0 --receipt     a digest that is the same on every CPU

Text goes to stdout, everything else to stderr. Tune first (bitnet-tune model.gguf) for the best speed: the result is
found by itself, and never changes a token.
llama.cpp's options for GPUs, memory mapping and colours (-ngl, -fa, --mlock ..) are accepted and ignored.
Exit codes: 0 done, 1 error (in a chat: or a message without a reply), 2 wrong command line, 130 ended by Ctrl-C.)";

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
  for (const IsaLevel& level : kIsaLevels)
    names += (names.empty() ? "" : " ") + std::string(level.name);
  return names;
}

std::string kv_type_check(const std::string& type) {
  if (type == "f16" || type == "f32") return {};
  if (type == "q8_0") return "q8_0 does not exist yet: wanted f16 or f32";
  return "wanted f16 or f32";
}

// -1 for a random one, else all of 64 bits: a seed is used as it stands or refused.
std::string seed_check(const std::string& text) {
  return text == "-1" || parse_number<uint64_t>(text)
             ? std::string()
             : "wanted 0 to 18446744073709551615, or -1 for a random one";
}

// CLI11 fills these; finish() turns them into Arguments.
struct Raw {
  std::string prompt, system, isa, kernels = "auto", loader = "map", activations = "int8",
                                   kv_k = "f16", kv_v = "f16", ppl_mode = "llama", receipt = "top",
                                   perplexity_file, chat_template, seed = "-1", reasoning = "auto";
  int64_t batch = 2048, ubatch = 512, reasoning_budget = -1;
  bool escapes = true;
};

void add_input(Options& options, Arguments& a, Raw& raw) {
  const char* group = "Input";
  options.add_option("MODEL,-m,--model", a.model_path, "model file (GGUF)")->type_name("FILE");
  options.add_option("-p,--prompt", raw.prompt, "text to continue, or the first message of a chat")
      ->type_name("TEXT")
      ->group(group);
  options
      .add_option("-f,--file", a.prompt_file,
                  "the prompt from a file, - for stdin; one line end at its end is dropped")
      ->type_name("FILE")
      ->group(group);
  options
      .add_flag("-e,--escape,!--no-escape", raw.escapes,
                "\\n \\r \\t \\\" \\\\ \\xNN in -p mean what they mean in C (default: yes)")
      ->group(group);
}

void add_chat(Options& options, Arguments& a, Raw& raw) {
  const char* group = "Chat";
  options.add_flag("-cnv,--conversation,!-no-cnv,!--no-conversation", a.conversation, "chat")
      ->group(group);
  options.add_flag("-st,--single-turn", a.single_turn, "chat: one message, one reply, the end")
      ->group(group);
  options.add_option("-sys,--system-prompt", raw.system, "what the model is told before a chat")
      ->type_name("TEXT")
      ->group(group);
  options.add_option("-sysf,--system-prompt-file", a.system_file, "the same from a file")
      ->type_name("FILE")
      ->group(group);
  options
      .add_option("--chat-template", raw.chat_template,
                  "write the chat as these models know it: " + chat_format_names() +
                      " (default: chosen by the model file)")
      ->type_name("NAME")
      ->group(group);
  options
      .add_choice("-rea,--reasoning", raw.reasoning, {"on", "off", "auto"},
                  "whether a model that can think before it answers does; auto: as its chat "
                  "template has it")
      ->group(group);
  options
      .add_option("--reasoning-budget", raw.reasoning_budget,
                  "0: the same as --reasoning off, -1: no limit to thoughts")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
}

void add_generation(Options& options, Arguments& a, Raw& raw) {
  SamplerOptions& s = a.sampler;
  const char* group = "Generation";
  options
      .add_option("-n,--predict,--n-predict", a.predict,
                  "tokens to generate, -1: until the model stops")
      ->capture_default_str()
      ->group(group);
  options
      .add_option("-c,--ctx-size", a.context,
                  "context in tokens, 0: the model's own (default: that, at most 4096; 512 for "
                  "--perplexity)")
      ->group(group);
  const auto number = [&](const char* names, auto& value, const char* what, const char* type) {
    options.add_option(names, value, what)->capture_default_str()->type_name(type)->group(group);
  };
  number("--temp,--temperature", s.temperature, "temperature, 0: always the likeliest token", "T");
  number("--top-k", s.top_k, "among the best K, 0: all", "K");
  number("--top-p", s.top_p, "among the best that sum to P, 1: all", "P");
  number("--min-p", s.min_p, "among those with P of the best one's probability, 0: all", "P");
  number("--repeat-penalty", s.repeat_penalty, "of the last tokens, 1: none", "R");
  number("--repeat-last-n", s.repeat_last_n, "how many they are, -1: all", "N");
  options
      .add_option("-s,--seed", raw.seed,
                  "same seed, same text, on every CPU; 64 bits, -1: a random one")
      ->check(CLI::Validator(seed_check, ""))
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  options
      .add_flag("!--no-display-prompt,--display-prompt", a.display_prompt,
                "do not print the prompt before its continuation")
      ->group(group);
}

void add_speed(Options& options, Arguments& a, Raw& raw) {
  const char* group = "Speed (none of these changes a token)";
  options.add_threads(a.model.threads, "threads")->group(group);
  options
      .add_option("-b,--batch-size", raw.batch,
                  "most tokens of a prompt given to the model at once")
      ->capture_default_str()
      ->check(between(1, 1 << 20))
      ->group(group);
  options
      .add_option("-ub,--ubatch-size", raw.ubatch,
                  "most tokens computed at once; the smaller of both counts")
      ->capture_default_str()
      ->check(between(1, 1 << 16))
      ->group(group);
  options
      .add_choice("--kernels", raw.kernels, {"auto", "builtin", "reference"},
                  "auto: tuned if there are any; reference: plain and slow")
      ->group(group);
  options.add_option("--isa", raw.isa, "use no more than this level: " + isa_names())
      ->type_name("LEVEL")
      ->group(group);
  options
      .add_option("--cache", a.model.cache_path,
                  "kernel cache of bitnet-tune (default: searched for)")
      ->type_name("FILE")
      ->group(group);
  options
      .add_choice("--loader", raw.loader, {"map", "dlopen"}, "of the cache; dlopen: for gdb, perf")
      ->group(group);
}

void add_precision(Options& options, Raw& raw) {
  const char* group = "Precision";
  const auto cache_type = [&](const char* names, std::string& value, const char* what) {
    options.add_option(names, value, what)
        ->capture_default_str()
        ->check(CLI::Validator(kv_type_check, ""))
        ->type_name("f16|f32")
        ->group(group);
  };
  cache_type("-ctk,--cache-type-k", raw.kv_k, "type of cached keys");
  cache_type("-ctv,--cache-type-v", raw.kv_v, "type of cached values");
  options
      .add_choice("--activations", raw.activations, {"int8", "float"},
                  "int8 as trained, or float: slow, to compare with")
      ->group(group);
}

void add_tasks(Options& options, Arguments& a, Raw& raw) {
  const char* group = "Instead of generating";
  options.add_flag("--tokenize", a.tokenize, "print the token ids of the prompt, or of the chat")
      ->group(group);
  options
      .add_option("--perplexity", raw.perplexity_file,
                  "perplexity of a text (or of -f FILE), - for stdin, in llama.cpp's windows")
      ->expected(0, 1)
      ->type_name("FILE")
      ->group(group);
  options.add_option("--chunks", a.chunks, "only the first N windows, -1: all")
      ->capture_default_str()
      ->group(group);
  options
      .add_choice("--ppl-mode", raw.ppl_mode, {"llama", "full"},
                  "llama: the second half of each whole window is scored; full: all of it and the "
                  "last, shorter one")
      ->group(group);
}

void add_output(Options& options, Arguments& a, Raw& raw) {
  const char* group = "Output";
  options
      .add_choice("--receipt", raw.receipt, {"top", "full"},
                  "print a digest of tokens, hidden states and best logits; =full: of all logits")
      ->expected(0, 1)
      ->type_name("[=full]")
      ->default_str("")
      ->group(group);
  options.add_flag("--log-disable", a.quiet, "nothing on stderr but errors and what was asked for")
      ->group(group);
  options.add_flag("-v,--verbose", a.verbose, "which kernel serves which matrix")->group(group);
  options.silence_notes_with("--log-disable");
}

std::optional<std::string> text_of(const Options& options, const char* name,
                                   const std::string& text, bool escapes) {
  if (options.count(name) == 0) return std::nullopt;
  return escapes ? unescape(text) : text;
}

Result<void> take_reasoning(Arguments& a, const Raw& raw) {
  if (raw.reasoning != "auto") a.reasoning = raw.reasoning == "on";
  if (raw.reasoning_budget < -1 || raw.reasoning_budget > 0)
    return fail(Error::Kind::usage,
                "--reasoning-budget {}: wanted 0 (no thoughts) or -1 (no limit)",
                raw.reasoning_budget);
  if (raw.reasoning_budget == 0 && a.reasoning.value_or(false))
    return fail(Error::Kind::usage, "--reasoning on and --reasoning-budget 0: wanted one of them");
  if (raw.reasoning_budget == 0) a.reasoning = false;
  if (a.reasoning && !a.conversation)
    return fail(Error::Kind::usage, "--reasoning: wanted -cnv with it");
  return {};
}

Result<void> take_task(const Options& options, Arguments& a, const Raw& raw) {
  a.prompt = text_of(options, "--prompt", raw.prompt, raw.escapes);
  a.system = text_of(options, "--system-prompt", raw.system, raw.escapes);
  if (a.single_turn && options.count("--conversation") == 0) a.conversation = true;
  a.perplexity = options.count("--perplexity") > 0;
  a.perplexity_file = raw.perplexity_file.empty() ? a.prompt_file : raw.perplexity_file;
  a.score_all = raw.ppl_mode == "full";
  a.receipt = options.count("--receipt") > 0;
  a.receipt_full = raw.receipt == "full";
  BITNET_CHECK(take_reasoning(a, raw));
  if (raw.chat_template.empty()) return {};
  a.chat_template = chat_format(raw.chat_template);
  if (!a.chat_template)
    return fail(Error::Kind::usage, "--chat-template {}: wanted one of {}",
                printable(raw.chat_template), chat_format_names());
  return {};
}

uint64_t seed_of(const std::string& text) {
  return text == "-1" ? std::random_device{}() : parse_number<uint64_t>(text).value_or(0);
}

Result<void> take_settings(Arguments& a, const Raw& raw) {
  a.kv_k = raw.kv_k == "f32" ? KvType::f32 : KvType::f16;
  a.kv_v = raw.kv_v == "f32" ? KvType::f32 : KvType::f16;
  a.sampler.seed = seed_of(raw.seed);
  ModelOptions& m = a.model;
  m.batch = std::min(raw.batch, raw.ubatch);
  m.kernels = raw.kernels == "reference" ? KernelChoice::reference
              : raw.kernels == "builtin" ? KernelChoice::builtin
                                         : KernelChoice::automatic;
  m.loader = raw.loader == "dlopen" ? Loader::dlopen : Loader::map;
  m.activations = raw.activations == "float" ? Activations::float32 : Activations::int8;
  if (raw.isa.empty()) return {};
  m.isa = parse_isa(raw.isa);
  if (!m.isa) return fail(Error::Kind::usage, "--isa {}: wanted one of {}", raw.isa, isa_names());
  return {};
}

// What only several options together show to be wrong.
Result<void> check_together(const Arguments& a) {
  const bool has_prompt = a.prompt || !a.prompt_file.empty();
  if (a.model_path.empty())
    return fail(Error::Kind::usage, "no model: bitnet-run model.gguf -p TEXT, or --help");
  if (a.prompt && !a.prompt_file.empty())
    return fail(Error::Kind::usage, "both -p and -f give a prompt: wanted one of them");
  if (a.tokenize && !has_prompt)
    return fail(Error::Kind::usage, "--tokenize: wanted a text, -p TEXT or -f FILE");
  if (!has_prompt && !a.conversation && !a.perplexity)
    return fail(Error::Kind::usage,
                "nothing to do: wanted -p TEXT, -f FILE, -cnv or --perplexity FILE");
  if (a.perplexity && a.perplexity_file.empty())
    return fail(Error::Kind::usage, "--perplexity: wanted a text file");
  if (a.system && !a.system_file.empty())
    return fail(Error::Kind::usage, "both -sys and -sysf: wanted one of them");
  if ((a.system || !a.system_file.empty()) && !a.conversation)
    return fail(Error::Kind::usage, "-sys: wanted -cnv with it");
  if (a.context < -1)
    return fail(Error::Kind::usage, "-c {}: wanted a number of tokens", a.context);
  if (a.chunks == 0) return fail(Error::Kind::usage, "--chunks 0: wanted at least 1, or -1");
  if (Result<void> sampler = check(a.sampler); !sampler)
    return fail(Error::Kind::usage, "{}", sampler.error().message);
  return {};
}

}  // namespace

struct CommandLine::State {
  Options options{"bitnet-run", "Runs ternary language models (BitNet b1.58).",
                  "bitnet-run " BITNET_VERSION};
  Arguments arguments;
  Raw raw;
};

CommandLine::CommandLine() : state_(std::make_unique<State>()) {
  auto& [options, arguments, raw] = *state_;
  options.footer(kExamples);
  options.get_formatter()->column_width(34);
  add_input(options, arguments, raw);
  add_chat(options, arguments, raw);
  add_generation(options, arguments, raw);
  add_speed(options, arguments, raw);
  add_precision(options, raw);
  add_model_file_options(options, arguments.model.file);
  add_tasks(options, arguments, raw);
  add_output(options, arguments, raw);
}
CommandLine::~CommandLine() = default;

Options& CommandLine::options() { return state_->options; }

Result<Arguments> CommandLine::arguments() {
  BITNET_CHECK(take_task(state_->options, state_->arguments, state_->raw));
  BITNET_CHECK(take_settings(state_->arguments, state_->raw));
  BITNET_CHECK(check_together(state_->arguments));
  return state_->arguments;
}

}  // namespace bitnet
