// What each word of a command line is. The grammar is llama.cpp's, and a word has one meaning:
//   -n 5, --temp 0   an option takes the next word, whatever it looks like ("-n -1", -p "-x")
//   --temp=0, -n=5   or what follows the equals sign
//   --ctx_size 5     _ is - in long names
//   -ngl, -ctk       one dash and several letters: one option, never a row of short ones
//   -n128            a short option that takes a number may have it attached
//   -fa on, --color  a value that may be missing is taken if it is one of those that fit
//   -                a value or a file name (stdin)
//   --               what follows is no option
// A word with a dash that is none of these is an unknown option. Of an option given twice the last
// counts, unless it is a list.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/common/llama_options.h"
#include "tools/common/options.h"

namespace bitnet {

struct Given {
  const CLI::Option* option = nullptr;
  std::string written;               // as on the command line: "-ctk"; "" for a positional one
  std::optional<std::string> value;  // of flags: "--escape=false"
};

struct Ignored {
  const LlamaOption* option = nullptr;
  std::string text;  // "-ngl 0"
};

struct Words {
  std::vector<Given> given;
  std::vector<Ignored> ignored;
};

// Error kind usage: an unknown option, a missing value, one that an option's checks refuse, a word
// too many.
Result<Words> read_words(const Options& options, std::span<const std::string> words);

}  // namespace bitnet
