#include "tools/report/table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

namespace bitnet::report {
namespace {

std::string time_text(double nanoseconds) {
  if (nanoseconds <= 0) return "-";
  return nanoseconds >= 1e6 ? fmt::format("{:.2f} ms", 1e-6 * nanoseconds)
                            : fmt::format("{:.1f} us", 1e-3 * nanoseconds);
}

std::string speedup(double before, double after) {
  return before > 0 && after > 0 ? fmt::format("{:.2f}x", before / after) : "-";
}

std::string line(const std::string& shape, const Row& row) {
  const bool streams = row.roof_share > 0;
  return fmt::format(
      "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", shape, row.tokens,
      time_text(row.scalar), time_text(row.baseline), time_text(row.builtin), time_text(row.tuned),
      speedup(row.scalar, row.tuned), speedup(row.baseline, row.tuned),
      speedup(row.builtin, row.tuned),
      streams ? fmt::format("{:.1f}", static_cast<double>(row.packed_bytes) / row.tuned) : "-",
      streams ? fmt::format("{:.0f} %", 100 * row.roof_share) : "-");
}

// Over all layers; a contender that was not measured everywhere has no sum.
Row sum_of(const std::vector<Row>& rows, const std::string& isa, int64_t tokens) {
  Row sum{.isa = isa, .tokens = tokens};
  bool baseline = true, scalar = true;
  for (const Row& row : rows) {
    if (row.isa != isa || row.tokens != tokens) continue;
    const double layers = row.problem.count;
    sum.scalar += layers * row.scalar;
    sum.baseline += layers * row.baseline;
    sum.builtin += layers * row.builtin;
    sum.tuned += layers * row.tuned;
    baseline = baseline && row.baseline > 0;
    scalar = scalar && row.scalar > 0;
  }
  if (!baseline) sum.baseline = 0;
  if (!scalar) sum.scalar = 0;
  return sum;
}

// Where tuning lost most, which should be nowhere: the plan keeps the built-in kernel in doubt.
std::string worst_line(const std::vector<Row>& rows) {
  const auto gain = [](const Row& row) { return row.builtin / row.tuned; };
  const auto worst = std::ranges::min_element(rows, {}, gain);
  if (worst == rows.end()) return "";
  return fmt::format("\nLeast gain over built-in: {:.2f}x ({}, {}, {} {}).\n", gain(*worst),
                     worst->isa, describe(worst->problem), worst->tokens,
                     worst->tokens == 1 ? "token" : "tokens");
}

std::vector<std::pair<std::string, int64_t>> groups_of(const std::vector<Row>& rows) {
  std::vector<std::pair<std::string, int64_t>> groups;
  for (const Row& row : rows) {
    if (groups.empty() || groups.back() != std::pair(row.isa, row.tokens))
      groups.emplace_back(row.isa, row.tokens);
  }
  return groups;
}

constexpr std::string_view kTitle = "## Kernel report\n";

}  // namespace

bool looks_like_markdown_report(std::string_view head) { return head.starts_with(kTitle); }
bool looks_like_csv_report(std::string_view head) { return head.starts_with("cpu,machine,"); }

std::string to_markdown(const Header& header, const std::vector<Row>& rows) {
  std::string text = fmt::format("{}\n{}, {} {}, {}\n", kTitle, header.machine.cpu, header.threads,
                                 header.threads == 1 ? "thread" : "threads", header.model);
  std::string level;
  for (const auto& [isa, tokens] : groups_of(rows)) {
    if (isa != level) {
      text += fmt::format(
          "\n### {}\n\n| shape | tokens | scalar | baseline | built-in | tuned | vs scalar | vs "
          "baseline |"
          " vs built-in | GB/s | of roof "
          "|\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
          isa);
      level = isa;
    }
    for (const Row& row : rows) {
      if (row.isa == isa && row.tokens == tokens) text += line(describe(row.problem), row);
    }
    text += line("**all layers**", sum_of(rows, isa, tokens));
  }
  return text + worst_line(rows) +
         "\nTimes of one call, lower quartiles of interleaved rounds (others use the same cores). "
         "baseline: 2-bit AVX2 multiply-add, "
         "four rows, the tile"
         " that bitnet.cpp ships.\n";
}

std::string to_csv(const Header& header, const std::vector<Row>& rows) {
  std::string text =
      "cpu,machine,isa,threads,problem,n,k,layers,tokens,scalar_ns,baseline_ns,builtin_ns,tuned_ns,"
      "tuned_kernel,packed_bytes,roof_share\n";
  for (const Row& r : rows) {
    text += fmt::format("\"{}\",{},{},{},{},{},{},{},{},{:.0f},{:.0f},{:.0f},{:.0f},{},{},{:.3f}\n",
                        header.machine.cpu, header.machine.id(), r.isa, header.threads,
                        name(r.problem.kind), r.problem.n, r.problem.k, r.problem.count, r.tokens,
                        r.scalar, r.baseline, r.builtin, r.tuned, r.tuned_kernel, r.packed_bytes,
                        r.roof_share);
  }
  return text;
}

std::string file_stem(const std::string& cpu) {
  std::string stem;
  for (char c : cpu) {
    if (c == '(') {  // "(R)", "(TM)"
      stem += '(';
    } else if (c == ')' && stem.rfind('(') != std::string::npos) {
      stem.resize(stem.rfind('('));
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      stem += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!stem.empty() && stem.back() != '-') {
      stem += '-';
    }
  }
  std::erase(stem, '(');
  while (!stem.empty() && stem.back() == '-') stem.pop_back();
  return stem.empty() ? "unknown" : stem;
}

}  // namespace bitnet::report
