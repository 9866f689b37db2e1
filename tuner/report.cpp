#include "tuner/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

namespace bitnet::tuner {
namespace {

std::string microseconds(double nanoseconds) {
  if (nanoseconds >= 1e7) return fmt::format("{:.2f} ms", nanoseconds * 1e-6);
  return fmt::format("{:.1f} us", nanoseconds * 1e-3);
}

std::string share(double roof_share) {
  return roof_share > 0 ? fmt::format("{:.0f} %", 100 * roof_share) : std::string("-");
}

// Two standard errors beside it, so that a gain can be told from noise.
std::string sure_gain(const ReportRow& row) {
  return fmt::format("{:.2f}x +-{:.1f} %", row.gain(), 200 * row.error);
}

std::vector<std::string> cells(const ReportRow& row) {
  return {describe(row.problem),
          row.m_min == 1 ? "1" : fmt::format("{}+", row.m_min),
          row.kernel,
          microseconds(row.nanoseconds),
          fmt::format("{:.1f}", row.gigabytes_per_second()),
          share(row.roof_share),
          sure_gain(row),
          row.from_log ? "log" : fmt::format("{}", row.candidates),
          row.from_log ? "-" : fmt::format("{}", row.pruned)};
}

// Columns as wide as their widest cell; the first three left, numbers right.
std::string aligned(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> widths(lines.front().size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (size_t i = 0; i < line.size(); ++i) {
      const bool left = i < 3;
      row += left ? fmt::format("{:<{}}", line[i], widths[i])
                  : fmt::format("{:>{}}", line[i], widths[i]);
      row += "  ";
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

int64_t tokens_of(const Report& report, int64_t m_min) {
  for (const ReportRow& row : report.rows) {
    if (row.m_min == m_min) return row.tokens;
  }
  return 0;
}

// All layers of one packing for one class of tokens, as far as each problem has a kernel.
struct PackingSum {
  std::string packing;
  double nanoseconds = 0;
  std::string reason;  // why it is not all
};

std::vector<PackingSum> packing_sums(const Report& report, const std::string& tokens) {
  std::vector<PackingSum> sums;
  for (const PackingReport& p : report.packings) {
    if (p.tokens != tokens) continue;
    auto sum = std::ranges::find(sums, p.packing, &PackingSum::packing);
    if (sum == sums.end()) sum = sums.insert(sum, {.packing = p.packing, .reason = {}});
    sum->nanoseconds += p.nanoseconds * p.problem.count;
    if (p.kernel.empty()) sum->reason = p.reason;
  }
  std::ranges::sort(sums, {}, [](const PackingSum& sum) {
    return std::tuple(!sum.reason.empty(), sum.nanoseconds, sum.packing);
  });
  return sums;
}

// "packings, 1 token: t2_r32 5.31 ms, tl2_r32 6.10 ms; tl1_r16: the time was up"
std::string packings_line(const Report& report, const std::string& tokens) {
  std::string text;
  for (const PackingSum& sum : packing_sums(report, tokens)) {
    const std::string what = sum.reason.empty()
                                 ? fmt::format("{} {}", sum.packing, microseconds(sum.nanoseconds))
                                 : fmt::format("{}: {}", sum.packing, sum.reason);
    text += fmt::format("{}{}", text.empty() ? "" : sum.reason.empty() ? ", " : "; ", what);
  }
  return fmt::format("packings, {} {}, all layers: {}\n", tokens,
                     tokens == "1" ? "token" : "tokens", text);
}

// "left out, 1 token, candidates x shapes: 96 because its block of K is not below K; 40 because …"
std::string left_out_line(const Report& report, const std::string& tokens) {
  std::string text;
  for (const LeftOut& left : report.left_out)
    if (left.tokens == tokens)
      text += fmt::format("{}{} because {}", text.empty() ? "" : "; ", left.pairs, left.reason);
  return text.empty() ? text
                      : fmt::format("left out, {} {}, candidates x shapes: {}\n", tokens,
                                    tokens == "1" ? "token" : "tokens", text);
}

}  // namespace

TokenTime token_time(const Report& report, int64_t m_min) {
  TokenTime sum;
  for (const ReportRow& row : report.rows) {
    if (row.m_min != m_min) continue;
    sum.tuned += 1e-3 * row.nanoseconds * row.problem.count;
    sum.builtin += 1e-3 * row.builtin_nanoseconds * row.problem.count;
  }
  return sum;
}

std::string to_table(const Report& report) {
  std::vector<std::vector<std::string>> lines{
      {"shape", "tokens", "kernel", "time", "GB/s", "of roof", "gain", "tried", "pruned"}};
  for (const ReportRow& row : report.rows) lines.push_back(cells(row));
  std::string text = aligned(lines);
  std::vector<int64_t> classes;
  for (const ReportRow& row : report.rows) {
    if (std::ranges::find(classes, row.m_min) == classes.end()) classes.push_back(row.m_min);
  }
  for (int64_t m_min : classes) {
    const TokenTime time = token_time(report, m_min);
    if (time.tuned <= 0) continue;
    const int64_t tokens = tokens_of(report, m_min);
    text += fmt::format("all layers, {} {}: {:.2f} ms, built-in {:.2f} ms, gain {:.2f}x\n", tokens,
                        tokens == 1 ? "token" : "tokens", 1e-3 * time.tuned, 1e-3 * time.builtin,
                        time.builtin / time.tuned);
  }
  std::vector<std::string> labels;
  for (const PackingReport& p : report.packings) {
    if (std::ranges::find(labels, p.tokens) == labels.end()) labels.push_back(p.tokens);
  }
  for (const std::string& tokens : labels) text += packings_line(report, tokens);
  for (const std::string& tokens : labels) text += left_out_line(report, tokens);
  text += fmt::format("{} {}, {}, weights in {}, roof {:.1f} GB/s", report.threads,
                      report.threads == 1 ? "thread" : "threads", report.isa, report.residency,
                      report.roof_gigabytes_per_second);
  if (report.samples > 0) {
    text += fmt::format(", {:.0f} % of {} samples disturbed",
                        100.0 * report.disturbed_samples / report.samples, report.samples);
  }
  return text + "\n";
}

bool looks_like_report(std::string_view head) {
  return head.starts_with('{') && head.find("\"disturbed_samples\"") != head.npos;
}

std::string to_json(const Report& report) {
  using nlohmann::json;
  json rows = json::array();
  for (const ReportRow& row : report.rows) {
    rows.push_back({{"problem", std::string(name(row.problem.kind))},
                    {"n", row.problem.n},
                    {"k", row.problem.k},
                    {"group", row.problem.group},
                    {"layers", row.problem.count},
                    {"m_min", row.m_min},
                    {"tokens", row.tokens},
                    {"kernel", row.kernel},
                    {"builtin", row.builtin},
                    {"ns", row.nanoseconds},
                    {"builtin_ns", row.builtin_nanoseconds},
                    {"relative_error", row.error},
                    {"packed_bytes", row.packed_bytes},
                    {"gb_per_s", row.gigabytes_per_second()},
                    {"roof_share", row.roof_share},
                    {"gain", row.gain()},
                    {"candidates", row.candidates},
                    {"pruned", row.pruned},
                    {"from_log", row.from_log}});
  }
  json packings = json::array();
  for (const PackingReport& p : report.packings) {
    packings.push_back({{"problem", std::string(name(p.problem.kind))},
                        {"n", p.problem.n},
                        {"k", p.problem.k},
                        {"group", p.problem.group},
                        {"tokens", p.tokens},
                        {"packing", p.packing},
                        {"kernel", p.kernel},
                        {"ns", p.nanoseconds},
                        {"over_chosen", p.over_chosen},
                        {"relative_error", p.error},
                        {"candidates", p.candidates},
                        {"reason", p.reason}});
  }
  json left_out = json::array();
  for (const LeftOut& left : report.left_out)
    left_out.push_back({{"tokens", left.tokens}, {"reason", left.reason}, {"pairs", left.pairs}});
  json all{{"model", report.model},
           {"cache", report.cache_path},
           {"isa", report.isa},
           {"preset", report.preset},
           {"residency", report.residency},
           {"tool_version", report.tool_version},
           {"llvm_version", report.llvm_version},
           {"cpu", report.machine.cpu},
           {"machine", report.machine.id()},
           {"threads", report.threads},
           {"seconds", report.seconds},
           {"roof_gb_per_s", report.roof_gigabytes_per_second},
           {"samples", report.samples},
           {"disturbed_samples", report.disturbed_samples},
           {"rows", std::move(rows)},
           {"packings", std::move(packings)},
           {"left_out", std::move(left_out)}};
  // Names come from files: whatever is not UTF-8 is replaced, never thrown about.
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace bitnet::tuner
