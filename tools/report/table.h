// The report's rows as a Markdown table a level and as one CSV file a machine.
#pragma once

#include <string>
#include <vector>

#include "runtime/cpu/fingerprint.h"
#include "runtime/kernel/problem.h"

namespace bitnet::report {

struct Row {
  std::string isa{};
  Problem problem{};
  int64_t tokens = 1;
  // Nanoseconds of one call; 0: not measured here (no baseline without AVX2).
  double scalar = 0, baseline = 0, builtin = 0, tuned = 0;
  std::string tuned_kernel{};
  int64_t packed_bytes = 0;
  double roof_share = 0;  // 0: many tokens, where memory is not the limit
};

struct Header {
  std::string model{};
  Machine machine{};
  int threads = 1;
};

std::string to_markdown(const Header& header, const std::vector<Row>& rows);
// Whether a file that begins so is such a table.
bool looks_like_markdown_report(std::string_view head);
bool looks_like_csv_report(std::string_view head);
std::string to_csv(const Header& header, const std::vector<Row>& rows);
// "intel-xeon-processor-family-6-model-207-stepping-2": a file's name.
std::string file_stem(const std::string& cpu);

}  // namespace bitnet::report
