// A plan: for every problem and token class the kernel that was chosen and what was measured of
// it. One type from the search to the manifest; the log, the report and the table are made of it.
#pragma once

#include <string>
#include <vector>

#include "tuner/compile.h"
#include "tuner/records.h"
#include "tuner/report.h"
#include "tuner/retime.h"
#include "tuner/token_classes.h"

namespace bitnet::tuner {

struct PlanEntry {
  const Compiled* kernel = nullptr;  // for its shape; null: the built-in kernel stays
  std::string builtin{};             // the built-in kernel's name
  int64_t builtin_bytes = 0;         // of its packed weights
  Retimed timed{};                   // beside the built-in kernel, now or when it was chosen
  int tried = 0, pruned = 0;
  bool from_log = false;  // answered from memory

  std::string kernel_name() const { return kernel ? to_string(kernel->candidate.name) : builtin; }
  int64_t packed_bytes() const { return kernel ? kernel->sizes.packed_bytes : builtin_bytes; }
};

struct Plan {
  int threads = 1;
  std::string objective = "balanced";
  std::vector<Problem> problems{};
  std::vector<TokenClass> classes{};
  std::vector<std::vector<PlanEntry>> entries{};  // [class][problem]

  // Whether the problem has kernels of its own: for all classes, or for none.
  bool has(size_t problem) const { return entries.front()[problem].kernel != nullptr; }
  bool is_empty() const;
};

// Of the right size: every problem keeps its built-in kernels.
Plan empty_plan(const std::vector<Problem>& problems, const std::vector<TokenClass>& classes,
                const std::vector<ProblemKernels>& builtin);

std::vector<ReportRow> rows_of(const Plan& plan);
// A choice a kernel. key: what all share.
std::vector<Record> records_of(const Plan& plan, const RecordKey& key, const std::string& preset);

}  // namespace bitnet::tuner
