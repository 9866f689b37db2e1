// Logits of every position by mainline llama.cpp, for mainline.py: compiled there against the npm
// package's libraries, not by CMake. One thread, F32 cache, no flash attention: numbers that
// repeat.
//   llama_logits LIBRARY_FOLDER MODEL.gguf TOKENS OUT     TOKENS: binary int32, windows of WINDOW;
//   OUT: float32 [tokens][vocabulary]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
      },
      nullptr);
  ggml_backend_load_all_from_path(argv[1]);
  llama_backend_init();
  llama_model_params model_params = llama_model_default_params();
  model_params.n_gpu_layers = 0;
  llama_model* model = llama_model_load_from_file(argv[2], model_params);
  if (model == nullptr) return 1;
  const int window = std::atoi(argv[5]);

  std::vector<int32_t> tokens;
  std::FILE* in = std::fopen(argv[3], "rb");
  for (int32_t token; std::fread(&token, sizeof token, 1, in) == 1;) tokens.push_back(token);
  std::fclose(in);

  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  std::FILE* out = std::fopen(argv[4], "wb");
  llama_batch batch = llama_batch_init(window, 0, 1);
  for (size_t begin = 0; begin + window <= tokens.size(); begin += window) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = window;
    params.n_threads = params.n_threads_batch = 1;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    llama_context* context = llama_init_from_model(model, params);
    if (context == nullptr) return 1;
    batch.n_tokens = window;
    for (int i = 0; i < window; ++i) {
      batch.token[i] = tokens[begin + i];
      batch.pos[i] = i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = 1;
    }
    if (llama_decode(context, batch) != 0) return 1;
    for (int i = 0; i < window; ++i)
      std::fwrite(llama_get_logits_ith(context, i), sizeof(float), vocabulary, out);
    llama_free(context);
  }
  return std::fclose(out);
}
