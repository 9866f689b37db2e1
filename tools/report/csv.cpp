#include "tools/report/csv.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

namespace bitnet::report {
namespace {

// Columns are only ever added, at the end: of older files, too, the first ones are these.
constexpr std::string_view kColumns =
    "cpu,machine,isa,threads,problem,n,k,layers,tokens,scalar_ns,baseline_ns,builtin_ns,tuned_ns,"
    "tuned_kernel,packed_bytes,roof_share,gain_over_baseline,gain_over_baseline_error,"
    "gain_over_builtin,gain_over_builtin_error";

std::string packing_columns(const Row& row, const std::string& packing) {
  const auto found = std::ranges::find(row.packings, packing, &PackingTime::packing);
  if (found == row.packings.end()) return ",0,";
  return fmt::format(",{:.0f},{}", found->nanoseconds, found->kernel);
}

std::string line(const Header& header, const Row& r) {
  std::string text = fmt::format(
      "\"{}\",{},{},{},{},{},{},{},{},{:.0f},{:.0f},{:.0f},{:.0f},{},{},{:.3f},{:.4f},{:.4f},{:.4f}"
      ","
      "{:.4f}",
      header.machine.cpu, header.machine.id(), r.isa, header.threads,
      r.all_layers ? "all" : name(r.problem.kind), r.problem.n, r.problem.k, r.problem.count,
      r.tokens, r.scalar, r.baseline, r.builtin, r.tuned, r.tuned_kernel, r.packed_bytes,
      r.roof_share, r.over_baseline.gain, r.over_baseline.error, r.over_builtin.gain,
      r.over_builtin.error);
  for (const std::string& packing : header.packings) text += packing_columns(r, packing);
  return text + "\n";
}

}  // namespace

bool looks_like_csv_report(std::string_view head) { return head.starts_with("cpu,machine,"); }

std::string to_csv(const Header& header, const std::vector<Row>& rows) {
  std::string text(kColumns);
  for (const std::string& packing : header.packings)
    text += fmt::format(",packing_{0}_ns,packing_{0}_kernel", packing);
  text += "\n";
  for (const Row& row : rows) text += line(header, row);
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
