#include "tools/report/table.h"

#include <fmt/core.h>

#include <algorithm>

namespace bitnet::report {
namespace {

constexpr std::string_view kTitle = "## Kernel report\n";

constexpr std::string_view kNotes =
    "\nTimes of one call, lower quartiles of interleaved rounds (others use the same cores). "
    "baseline: 2-bit AVX2 multiply-add, four rows, the tile that bitnet.cpp ships. Under the name "
    "of a packing: the best kernel that the search found over it, in any of its layouts, for any "
    "shape, timed again in the same rounds as the others; tuned is compiled for its shape. vs "
    "baseline and vs built-in: medians of the rounds' ratios, with two standard errors; the "
    "quotient of two times of this table can differ from them.\n";

std::string time_text(double nanoseconds) {
  if (nanoseconds <= 0) return "-";
  return nanoseconds >= 1e6 ? fmt::format("{:.2f} ms", 1e-6 * nanoseconds)
                            : fmt::format("{:.1f} us", 1e-3 * nanoseconds);
}

std::string gain_text(const Gain& gain) {
  if (gain.gain <= 0) return "-";
  return fmt::format("{:.2f}x +-{:.1f} %", gain.gain, 100 * gain.error);
}

std::string scalar_text(const Row& row) {
  return row.scalar > 0 ? fmt::format("{:.1f}x", row.scalar / row.tuned) : "-";
}

std::string cells(const std::vector<std::string>& texts) {
  std::string line = "|";
  for (const std::string& text : texts) line += " " + text + " |";
  return line + "\n";
}

std::string head(const Row& first) {
  std::vector<std::string> names{"shape", "tokens", "scalar", "baseline", "built-in", "tuned"};
  for (const PackingTime& p : first.packings) names.push_back(p.packing);
  for (const char* name : {"vs scalar", "vs baseline", "vs built-in", "GB/s", "of roof"})
    names.emplace_back(name);
  std::string rule = "|---|";
  for (size_t i = 1; i < names.size(); ++i) rule += "---:|";
  return fmt::format("\n### {}\n\n{}{}\n", first.isa, cells(names), rule);
}

std::string line(const Row& row) {
  const bool streams = row.roof_share > 0;
  std::vector<std::string> texts{row.all_layers ? "**all layers**" : shape_of(row),
                                 fmt::format("{}", row.tokens),
                                 time_text(row.scalar),
                                 time_text(row.baseline),
                                 time_text(row.builtin),
                                 time_text(row.tuned)};
  for (const PackingTime& p : row.packings) texts.push_back(time_text(p.nanoseconds));
  texts.push_back(scalar_text(row));
  texts.push_back(gain_text(row.over_baseline));
  texts.push_back(gain_text(row.over_builtin));
  const double rate = static_cast<double>(row.packed_bytes) / row.tuned;
  texts.push_back(streams ? fmt::format("{:.1f}", rate) : "-");
  texts.push_back(streams ? fmt::format("{:.0f} %", 100 * row.roof_share) : "-");
  return cells(texts);
}

std::string where(const Row& row) {
  return fmt::format("{}, {}, {}", row.isa, shape_of(row), tokens_of(row));
}

// Where tuning lost most, which should be nowhere: the plan keeps the built-in kernel in doubt.
std::string worst_line(const std::vector<Row>& rows) {
  const auto worst =
      std::ranges::min_element(rows, {}, [](const Row& row) { return row.over_builtin.gain; });
  if (worst == rows.end()) return "";
  return fmt::format("\nLeast gain over built-in: {} ({}).\n", gain_text(worst->over_builtin),
                     where(*worst));
}

// Calls visit(row, packing) for each packing of a problem without a time.
template <typename Visit>
void for_each_gap(const std::vector<Row>& rows, const Visit& visit) {
  for (const Row& row : rows)
    for (const PackingTime& packing : row.packings)
      if (!row.all_layers && packing.nanoseconds <= 0) visit(row, packing);
}

std::string gap_line(const Row& row, const PackingTime& packing) {
  return fmt::format("{}: no time for packing {}: {}", where(row), packing.packing, packing.reason);
}

std::string gap_lines(const std::vector<Row>& rows) {
  std::string text;
  for_each_gap(rows, [&](const Row& row, const PackingTime& packing) {
    text += fmt::format("- {}{}\n", packing.is_missing ? "error: " : "", gap_line(row, packing));
  });
  return text.empty() ? text : "\n" + text;
}

}  // namespace

std::string shape_of(const Row& row) {
  return row.all_layers ? "all layers" : describe(row.problem);
}
std::string tokens_of(const Row& row) {
  return fmt::format("{} {}", row.tokens, row.tokens == 1 ? "token" : "tokens");
}

bool looks_like_markdown_report(std::string_view head) { return head.starts_with(kTitle); }

std::string to_markdown(const Header& header, const std::vector<Row>& rows) {
  std::string text = fmt::format("{}\n{}, {} {}, {}\n", kTitle, header.machine.cpu, header.threads,
                                 header.threads == 1 ? "thread" : "threads", header.model);
  std::string level;
  for (const Row& row : rows) {
    if (row.isa != level) text += head(row);
    level = row.isa;
    text += line(row);
  }
  return text + worst_line(rows) + std::string(kNotes) + gap_lines(rows);
}

std::vector<std::string> missing_times(const std::vector<Row>& rows) {
  std::vector<std::string> lines;
  for_each_gap(rows, [&](const Row& row, const PackingTime& packing) {
    if (packing.is_missing) lines.push_back(gap_line(row, packing));
  });
  return lines;
}

}  // namespace bitnet::report
