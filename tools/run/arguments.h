// The command line of bitnet-run: names and meanings that users of llama.cpp know.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/session.h"
#include "runtime/text/chat.h"
#include "runtime/text/sampler_options.h"
#include "tools/common/options.h"

namespace bitnet {

struct Arguments {
  std::string model_path;
  std::optional<std::string> prompt;  // -p, escapes processed; read_inputs: or the text of -f
  std::string prompt_file;            // -f, "-": stdin
  std::optional<std::string> system;  // -sys; read_inputs: or the text of -sysf
  std::string system_file;            // -sysf
  int64_t predict = -1;               // -n: < 0: until a stop token or a full context
  int64_t context = -1;               // -c: 0: the model's own, < 0: a default of the task
  ModelOptions model;
  KvType kv_k = KvType::f16, kv_v = KvType::f16;
  SamplerOptions sampler;

  bool conversation = false;                // -cnv
  bool single_turn = false;                 // -st: one reply
  std::optional<ChatFormat> chat_template;  // --chat-template: by force
  std::optional<bool> reasoning;            // --reasoning, --reasoning-budget; absent: auto
  bool tokenize = false;                    // --tokenize
  bool perplexity = false;                  // --perplexity
  std::string perplexity_file;              // "-": stdin
  std::string perplexity_text;              // read_inputs: what it holds
  int64_t chunks = -1;                      // --chunks: < 0: all
  bool score_all = false;                   // --ppl-mode full

  bool display_prompt = true;
  bool receipt = false, receipt_full = false;
  bool quiet = false;  // --log-disable
  bool verbose = false;
};

// The options' names, help and checks; what was said, once the options have been parsed.
class CommandLine {
 public:
  CommandLine();
  ~CommandLine();
  Options& options();
  // Error kind usage: what CLI11 could not see to be wrong.
  Result<Arguments> arguments();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitnet
