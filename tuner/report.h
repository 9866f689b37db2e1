// What tuning found, as a table for people and as JSON for programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cpu/fingerprint.h"
#include "runtime/kernel/problem.h"

namespace bitnet::tuner {

struct ReportRow {
  Problem problem{};
  int64_t m_min = 1;  // token class; tokens is what it was timed with
  int64_t tokens = 1;
  std::string kernel{};    // to_string(KernelName)
  std::string builtin{};   // the built-in kernel that it is compared with
  double nanoseconds = 0;  // of one call
  double builtin_nanoseconds = 0;
  double error = 0;          // relative, of their ratio
  int64_t packed_bytes = 0;  // weights that one call reads
  double roof_share = 0;     // of reading just these bytes, 0..1; 0: not memory's affair
  int candidates = 0;        // tried
  int pruned = 0;            // not timed, because of what their code costs
  bool from_log = false;     // answered from memory

  double gain() const { return nanoseconds > 0 ? builtin_nanoseconds / nanoseconds : 0; }
  double gigabytes_per_second() const {
    return nanoseconds > 0 ? static_cast<double>(packed_bytes) / nanoseconds : 0;
  }
};

// One packing's best kernel for a problem and token class, or why there is none.
struct PackingReport {
  Problem problem{};
  std::string tokens{};    // "1", "2+"
  std::string packing{};   // "tl2_r32"
  std::string kernel{};    // empty: none was timed
  double nanoseconds = 0;  // of one call, in the search: fewer samples than the plan's
  double over_chosen = 0;  // time over that of the kernel chosen, both by their ratio to built-in
  double error = 0;        // relative
  int candidates = 0;      // tried
  std::string reason{};    // why there is no kernel
};

// Why candidates of a token class were never tried on a problem: their parameters cannot matter.
struct LeftOut {
  std::string tokens{};  // "1", "2+"
  std::string reason{};
  int pairs = 0;  // of a candidate and a problem
};

struct Report {
  std::string model{}, cache_path{}, isa{}, preset{}, residency{}, tool_version{}, llvm_version{};
  Machine machine{};
  int threads = 1;
  double seconds = 0;  // that tuning took
  double roof_gigabytes_per_second = 0;
  int disturbed_samples = 0, samples = 0;
  std::vector<ReportRow> rows{};
  std::vector<PackingReport> packings{};  // empty where all was answered from memory
  std::vector<LeftOut> left_out{};        // of all that the catalogue has; empty as packings is
};

// Aligned columns, a line a row, then the sums over the model.
std::string to_table(const Report& report);
// Whether a file that begins so is such a report.
bool looks_like_report(std::string_view head);
std::string to_json(const Report& report);

// Sum over rows of one token class: microseconds of one token's (or `tokens` tokens') products over
// all layers.
struct TokenTime {
  double tuned = 0, builtin = 0;
};
TokenTime token_time(const Report& report, int64_t m_min);

}  // namespace bitnet::tuner
