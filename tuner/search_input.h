// What a search over packings is asked, and what follows from it alone: which packings there are,
// what is to be compiled for each, and why something is not.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tuner/candidates.h"
#include "tuner/compile.h"
#include "tuner/presets.h"
#include "tuner/records.h"

namespace bitnet::tuner {

struct SearchInput {
  std::vector<Problem> problems;
  std::vector<ProblemKernels> builtin;  // of each problem
  std::vector<TokenClass> classes;      // ascending
  std::vector<Candidates> candidates;   // of each class
  Preset preset;
  int64_t bytes_allowed = 0;  // of all packed weights together, where some problem has two packings
  RecordKey key;              // machine, isa, threads, residency, objective
  std::function<void(std::span<const Record>)> remember;
};

// Keys of packings, the built-in kernels' first: their result exists whatever happens later.
std::vector<std::string> packing_keys(const SearchInput& input);

// Of a packing and class, nearest first, so that whoever runs out of time has compiled the likelier
// ones.
std::vector<CompileJob> jobs_of(const SearchInput& input, const std::string& key, size_t c);

// Whether any of these is asked for problem p.
bool is_asked(const SearchInput& input, const std::string& key, size_t c, size_t p);

// Why none is: none can matter, or others came first.
std::string missing_reason(const SearchInput& input, const std::string& key, size_t c, size_t p);

}  // namespace bitnet::tuner
