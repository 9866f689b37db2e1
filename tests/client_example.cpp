// The example of runtime/session.h as a program, which includes what a client includes and no more:
//   client_example MODEL [TEXT]
// Prints what the model says; with TEXT it fails where that is another text.
#include <cstdio>

#include "runtime/generation.h"
#include "runtime/session.h"

namespace {

using namespace bitnet;

// The example as it stands in the header.
Result<Generation::End> example(const std::string& path) {
  const auto printed = [](std::string_view text) -> Result<void> {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  };
  BITNET_TRY(Model model, Model::load(path, {}));
  BITNET_TRY(Sequence sequence, model.sequence(model.context()));
  BITNET_TRY(Generation generation, Generation::start(model, std::move(sequence), {}));
  BITNET_CHECK(generation.feed(model.encode("And God said")));
  BITNET_TRY(const Generation::End end, generation.reply({.limit = 24}, printed));
  return end;
}

// A text to compare with: the likeliest tokens, pulled by one option more.
Result<std::string> likeliest(const std::string& path) {
  BITNET_TRY(Model model, Model::load(path, {.threads = 1}));
  BITNET_TRY(Sequence sequence, model.sequence(100));
  BITNET_TRY(auto generation,
             Generation::start(model, std::move(sequence), {.sampler = {.temperature = 0}}));
  BITNET_CHECK(generation.feed(model.encode("And God said")));
  std::string text;
  BITNET_TRY(auto end, generation.reply({.limit = 24}, [&](std::string_view piece) {
    text += piece;
    return Result<void>{};
  }));
  if (end != Generation::End::limit) return fail(Error::Kind::invalid, "it ended too early");
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  if (const auto end = example(argv[1]); !end) {
    std::fprintf(stderr, "error: %s\n", end.error().message.c_str());
    return 1;
  }
  const auto text = likeliest(argv[1]);
  std::printf("\n%s\n", text ? text->c_str() : text.error().message.c_str());
  return text && (argc < 3 || *text == argv[2]) ? 0 : 1;
}
