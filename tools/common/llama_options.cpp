#include "tools/common/llama_options.h"

#include <algorithm>
#include <array>

namespace bitnet {
namespace {

using enum LlamaOption::Value;

constexpr std::string_view kDownload = "nothing is downloaded here: get the file and give -m FILE";
constexpr std::string_view kAdapter = "adapters are not supported: merge them into the model file";
constexpr std::string_view kOneModel = "speculative decoding is not supported: wanted one model";
constexpr std::string_view kFixed = "not supported: positions are as the model file says";
constexpr std::string_view kNoGrammar = "grammars are not supported";
constexpr std::string_view kNoImages = "models here read text only";

constexpr LlamaOption kOptions[] = {
    // Devices and memory
    {"-ngl,--gpu-layers,--n-gpu-layers", one},
    {"-sm,--split-mode", one},
    {"-mg,--main-gpu", one},
    {"-ts,--tensor-split", one},
    {"-dev,--device", one},
    {"-ot,--override-tensor", one},
    {"-cmoe,--cpu-moe", maybe},
    {"-ncmoe,--n-cpu-moe", one},
    {"-fit,--fit", maybe},
    {"-fitt,--fit-target", one},
    {"-fitc,--fit-ctx", one},
    {"-fa,--flash-attn", maybe},
    {"-nkvo,--no-kv-offload,-kvo,--kv-offload", maybe},
    {"-nopo,--no-op-offload,--op-offload", maybe},
    {"-nr,--no-repack,--repack", maybe},
    {"--no-host", maybe},
    {"--mlock", maybe},
    {"-mmp,--mmap,--no-mmap", maybe},
    {"-dio,--direct-io,-ndio,--no-direct-io", maybe},
    {"--numa", one},
    {"-kvu,--kv-unified,-no-kvu,--no-kv-unified", maybe},
    {"--swa-full", maybe},
    {"-dt,--defrag-thold", one},
    {"--check-tensors", maybe},
    // Threads
    {"-tb,--threads-batch", one},
    {"-C,--cpu-mask", one},
    {"-Cr,--cpu-range", one},
    {"-Cb,--cpu-mask-batch", one},
    {"-Crb,--cpu-range-batch", one},
    {"--cpu-strict,--cpu-strict-batch", one},
    {"--prio,--prio-batch", one},
    {"--poll,--poll-batch", one},
    {"--delay", one},
    // Several sequences
    {"-np,--parallel", one},
    {"-ns,--sequences", one},
    {"-cb,--cont-batching,-nocb,--no-cont-batching", maybe},
    // How it is run and shown
    {"--warmup,--no-warmup", maybe},
    {"--perf,--no-perf", maybe},
    {"--show-timings,--no-show-timings", maybe},
    {"-co,--color", maybe},
    {"--simple-io", maybe},
    {"--verbose-prompt", maybe},
    {"--jinja,--no-jinja", maybe},
    {"-embd,--embeddings", maybe},
    {"--no-context-shift", maybe},
    {"--keep", one},  // what a context shift would keep
    {"--offline", maybe},
    {"--reasoning-format", one},  // where thoughts are shown: here as the model writes them
    {"--no-reasoning-preserve", maybe},
    {"--log-colors", maybe},
    {"--log-prefix,--no-log-prefix", maybe},
    {"--log-timestamps,--no-log-timestamps", maybe},
    {"-lv,--verbosity,--log-verbosity", one},
    // What cannot be ignored
    {"-hf,-hfr,--hf-repo", one, kDownload},
    {"-hff,--hf-file", one, kDownload},
    {"-hfv,-hfrv,--hf-repo-v", one, kDownload},
    {"-hft,--hf-token", one, kDownload},
    {"-mu,--model-url", one, kDownload},
    {"-dr,--docker-repo", one, kDownload},
    {"--lora,--lora-scaled,--control-vector,--control-vector-scaled", one, kAdapter},
    {"-md,--model-draft,--spec-draft-model", one, kOneModel},
    {"-mm,--mmproj,-mmu,--mmproj-url,--image", one, kNoImages},
    {"--grammar,--grammar-file,-j,--json-schema,-jf,--json-schema-file", one, kNoGrammar},
    {"--rope-scaling,--rope-scale,--rope-freq-base,--rope-freq-scale", one, kFixed},
    {"--override-kv", one, "not supported: the model file's own metadata counts"},
    {"--rpc", one, "not supported: everything runs on this machine"},
    {"--context-shift", maybe, "not supported: -c N makes room for more tokens"},
    {"--chat-template-file", one, "templates are not interpreted: --chat-template NAME"},
    {"--chat-template-kwargs", one, "templates are not interpreted: --reasoning on|off"},
    {"--reasoning-preserve", maybe, "not supported: thoughts of earlier turns are dropped"},
    {"--reasoning-effort", one, "not supported: --reasoning on|off"},
    {"--reasoning-budget-message", one, "not supported: --reasoning off ends all thoughts"},
    {"-i,--interactive,-if,--interactive-first", maybe, "not supported: -cnv chats"},
    {"-r,--reverse-prompt", one, "not supported: a reply ends at the model's own stop tokens"},
};

// Among names separated by commas.
bool lists(std::string_view names, std::string_view name) {
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    if (names.substr(begin, end - begin) == name) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

std::span<const LlamaOption> llama_options() { return kOptions; }

const LlamaOption* find_llama_option(std::string_view word) {
  const auto* found = std::ranges::find_if(
      kOptions, [&](const LlamaOption& option) { return lists(option.names, word); });
  return found == std::end(kOptions) ? nullptr : found;
}

bool is_switch_value(std::string_view word) {
  constexpr std::string_view kSwitch = "on,off,auto,0,1,true,false,enabled,disabled,always,never";
  for (size_t begin = 0; begin <= word.size();) {
    const size_t end = std::min(word.find(',', begin), word.size());
    if (!lists(kSwitch, word.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace bitnet
