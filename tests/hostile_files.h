// Wrong model files, one thing bent in each: the error names the file, the place, what was found
// and what was wanted.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <span>
#include <string>

#include "tests/read_everything.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {

struct Hostile {
  const char* what;
  TinyModel model;
  std::function<void(GgufBuilder&)> bend;
  const char* error;  // after "fuzz.gguf: "
};

inline TestTensor& q(GgufBuilder& f) { return f.tensor("blk.0.attn_q.weight"); }

inline void expect_errors(std::span<const Hostile> cases) {
  for (const Hostile& c : cases) {
    GgufBuilder file = build_tiny(c.model);
    c.bend(file);
    const auto read = read_everything(file.build());
    if (read) {
      ADD_FAILURE() << c.what << ": was read without an error";
      continue;
    }
    const std::string want = std::string("fuzz.gguf: ") + c.error;
    EXPECT_EQ(read.error().message.substr(0, want.size()), want)
        << c.what << "\n  in full: " << read.error().message;
  }
}

}  // namespace bitnet::testing
