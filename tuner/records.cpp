#include "tuner/records.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

namespace bitnet::tuner {
namespace {

constexpr std::array kKinds{ProblemKind::qkv, ProblemKind::output, ProblemKind::gate_up,
                            ProblemKind::down};

std::optional<ProblemKind> parse_kind(std::string_view text) {
  for (ProblemKind kind : kKinds) {
    if (name(kind) == text) return kind;
  }
  return std::nullopt;
}

using Fields = std::map<std::string_view, std::string_view>;

Result<Fields> split(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    const size_t equals = word.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      return fail(Error::Kind::invalid, "found '{}', wanted key=value", word);
    }
    if (!fields.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
      return fail(Error::Kind::invalid, "key '{}' stands twice", word.substr(0, equals));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return fields;
}

// Reads fields into variables; the first that is missing or malformed is remembered.
class Reader {
 public:
  explicit Reader(Fields fields) : fields_(std::move(fields)) {}

  void read(std::string_view key, std::string& out) {
    if (const auto text = take(key)) out = *text;
  }
  void read(std::string_view key, ProblemKind& out) {
    const auto text = take(key);
    if (!text) return;
    const auto kind = parse_kind(*text);
    if (kind) out = *kind;
    if (!kind) complain(key, *text);
  }
  template <typename Number>
  void read(std::string_view key, Number& out) {
    const auto text = take(key);
    if (!text) return;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
    bool good = error == std::errc{} && end == text->data() + text->size();
    if constexpr (std::is_floating_point_v<Number>) good = good && std::isfinite(out);
    if (!good) complain(key, *text);
  }
  bool has(std::string_view key) const { return fields_.contains(key); }
  Result<void> finish() const {
    if (!complaint_.empty()) return fail(Error::Kind::invalid, "{}", complaint_);
    if (taken_ != fields_.size())
      return fail(Error::Kind::invalid, "unknown keys beside the {} known ones", taken_);
    return {};
  }

 private:
  std::optional<std::string_view> take(std::string_view key) {
    const auto found = fields_.find(key);
    if (found == fields_.end()) {
      if (complaint_.empty()) complaint_ = fmt::format("key '{}' is missing", key);
      return std::nullopt;
    }
    ++taken_;
    return found->second;
  }
  void complain(std::string_view key, std::string_view text) {
    if (complaint_.empty()) complaint_ = fmt::format("{}: cannot read '{}'", key, text);
  }
  Fields fields_;
  size_t taken_ = 0;
  std::string complaint_;
};

}  // namespace

std::string question(const RecordKey& key) {
  return fmt::format(
      "machine={} isa={} threads={} where={} problem={} n={} k={}{} epilogue={} m={} objective={}",
      key.machine, key.isa, key.threads, key.residency, name(key.problem.kind), key.problem.n,
      key.problem.k, key.problem.group ? fmt::format(" group={}", key.problem.group) : "",
      static_cast<int>(key.problem.epilogue), key.m_min, key.objective);
}

std::string to_text(const Record& r) {
  std::string text =
      fmt::format("{} {} hash={} kernel={} ns={:.1f} ratio={:.5f} error={:.5f} samples={}",
                  r.kind == RecordKind::trial ? "trial" : "choice", question(r.key),
                  r.key.kernel_hash, r.key.kernel, r.nanoseconds, r.ratio, r.error, r.samples);
  if (r.kind == RecordKind::choice) {
    text += fmt::format(" preset={} roof={:.4f} builtin_ns={:.1f} candidates={}", r.preset,
                        r.roof_share, r.builtin_nanoseconds, r.candidates);
  }
  return text;
}

Result<Record> parse_record(std::string_view text) {
  Record r;
  const size_t space = text.find(' ');
  const std::string_view kind = text.substr(0, space);
  if (kind != "trial" && kind != "choice") {
    return fail(Error::Kind::invalid, "found '{}', wanted trial or choice", kind);
  }
  r.kind = kind == "trial" ? RecordKind::trial : RecordKind::choice;
  BITNET_TRY(Fields fields, split(space == std::string_view::npos ? "" : text.substr(space + 1)));
  Reader reader(std::move(fields));
  int epilogue = 0;
  reader.read("machine", r.key.machine);
  reader.read("isa", r.key.isa);
  reader.read("threads", r.key.threads);
  reader.read("where", r.key.residency);
  reader.read("problem", r.key.problem.kind);
  reader.read("n", r.key.problem.n);
  reader.read("k", r.key.problem.k);
  if (reader.has("group")) reader.read("group", r.key.problem.group);  // absent: 0
  reader.read("epilogue", epilogue);
  reader.read("m", r.key.m_min);
  reader.read("objective", r.key.objective);
  reader.read("hash", r.key.kernel_hash);
  reader.read("kernel", r.key.kernel);
  reader.read("ns", r.nanoseconds);
  reader.read("ratio", r.ratio);
  reader.read("error", r.error);
  reader.read("samples", r.samples);
  if (r.kind == RecordKind::choice) {
    reader.read("preset", r.preset);
    reader.read("roof", r.roof_share);
    reader.read("builtin_ns", r.builtin_nanoseconds);
    reader.read("candidates", r.candidates);
  }
  BITNET_CHECK(reader.finish());
  r.key.problem.epilogue = static_cast<BnEpilogue>(epilogue);
  return r;
}

}  // namespace bitnet::tuner
