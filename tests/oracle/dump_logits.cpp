// What the reference path computes, for tests/oracle/bitnet_numpy.py to compare with: logits of
// every token, and of every ternary matrix its quantised input, integer results and floats. One
// thread, F32 cache, one batch.
//   dump_logits MODEL.gguf int8|float TOKENS OUT [builtin]        TOKENS: ids separated by commas
// builtin: the fast kernels, logits only.
// OUT is a stream of arrays: name[16], type[8] ("int8", "int32", "float32"), int64 rows, int64
// columns, the elements. Evaluated matrices come in the order of the forward pass: "q", "s",
// "dots", "y" each; then "logits".
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/printable.h"
#include "runtime/kernel/reference.h"
#include "runtime/session_internals.h"

namespace bitnet {
namespace {

std::FILE* out = nullptr;  // kernels are plain functions: they have no other way to hear of it

void write_array(const char* name, const char* type, int64_t rows, int64_t columns,
                 size_t element_bytes, const void* data) {
  char header[24] = {};
  std::strncpy(header, name, 16);
  std::strncpy(header + 16, type, 8);
  const int64_t shape[2] = {rows, columns};
  std::fwrite(header, 1, sizeof header, out);
  std::fwrite(shape, sizeof(int64_t), 2, out);
  std::fwrite(data, element_bytes, static_cast<size_t>(rows * columns), out);
}

// The reference kernel, and a record of it. One thread: a call is the whole product.
void recording_run(const BnRun* run) {
  const int64_t m = run->m1 - run->m0, form_row = (run->k + 63) / 64 * 64;
  std::vector<int8_t> q(static_cast<size_t>(m * run->k));
  for (int64_t i = 0; i < m; ++i)
    std::memcpy(q.data() + i * run->k, run->form + (run->m0 + i) * form_row,
                static_cast<size_t>(run->k));
  write_array("q", "int8", m, run->k, 1, q.data());
  write_array("s", "float32", 1, m, 4, run->token_scale + run->m0);

  std::vector<int32_t> dots(static_cast<size_t>(m * run->n));
  BnRun integers = *run;
  integers.epilogue = BN_INT32;
  integers.y = dots.data() - run->m0 * run->n;
  integers.ldy = run->n;
  reference_functions().run(&integers);
  write_array("dots", "int32", m, run->n, 4, dots.data());

  reference_functions().run(run);
  const int64_t width = run->epilogue >= BN_GATE_UP_SILU ? run->n / 2 : run->n;
  std::vector<float> y;
  for (int64_t i = run->m0; i < run->m1; ++i) {
    const float* row = static_cast<const float*>(run->y) + i * run->ldy;
    y.insert(y.end(), row, row + width);
  }
  write_array("y", "float32", m, width, 4, y.data());
}

class RecordingSource : public KernelSource {
 public:
  Result<ProblemKernels> find(const Problem& problem) const override {
    auto kernels = reference_->find(problem);
    if (kernels)
      for (ClassKernel& kernel : kernels->classes) kernel.functions.run = recording_run;
    return kernels;
  }
  std::string describe() const override { return "the reference, recorded"; }

 private:
  std::unique_ptr<KernelSource> reference_ = make_reference_source();
};

Result<void> dump(const std::string& path, bool float_activations,
                  const std::vector<int32_t>& tokens, bool builtin) {
  const RecordingSource recording;
  ModelOptions options;
  options.threads = 1;
  options.kernels = builtin ? KernelChoice::builtin : KernelChoice::reference;
  options.batch = static_cast<int64_t>(tokens.size());
  options.activations = float_activations ? Activations::float32 : Activations::int8;
  BITNET_TRY(Model model,
             builtin ? Model::load(path, options) : ModelInternals::load(path, options, recording));
  BITNET_TRY(Sequence sequence,
             model.sequence(static_cast<int64_t>(tokens.size()), KvType::f32, KvType::f32));
  std::vector<TokenRequest> requests;
  for (const int32_t token : tokens)
    requests.push_back({.sequence = &sequence, .token = token, .want = {.kind = Want::Kind::all}});
  BITNET_TRY(const auto results, model.evaluate(requests));
  std::vector<float> logits;
  for (const TokenResult& result : results)
    logits.insert(logits.end(), result.all.begin(), result.all.end());
  const auto rows = static_cast<int64_t>(tokens.size());
  write_array("logits", "float32", rows, static_cast<int64_t>(logits.size()) / rows, 4,
              logits.data());
  return {};
}

std::vector<int32_t> parse_tokens(std::string_view text) {
  std::vector<int32_t> tokens;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    int32_t token = -1;
    std::from_chars(one.data(), one.data() + one.size(), token);
    tokens.push_back(token);
    text.remove_prefix(std::min(text.size(), one.size() + 1));
  }
  return tokens;
}

}  // namespace
}  // namespace bitnet

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::fprintf(stderr, "usage: dump_logits MODEL.gguf int8|float TOKENS OUT [builtin]\n");
    return 2;
  }
  bitnet::out = std::fopen(argv[4], "wb");
  if (bitnet::out == nullptr) return 2;
  const auto done =
      bitnet::dump(argv[1], std::strcmp(argv[2], "float") == 0, bitnet::parse_tokens(argv[3]),
                   argc == 6 && std::strcmp(argv[5], "builtin") == 0);
  if (!done) std::fprintf(stderr, "error: %s\n", done.error().message.c_str());
  return std::fclose(bitnet::out) == 0 && done ? 0 : 1;
}
