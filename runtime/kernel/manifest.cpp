#include "runtime/kernel/manifest.h"

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace bitnet {
namespace {

using enum Error::Kind;

// The schema: one list of fields a record, walked by the writer and by the reader alike, so that
// they cannot differ.
template <typename T, typename Record>
concept Either = std::same_as<std::remove_const_t<T>, Record>;

void fields(auto& walk, Either<Machine> auto& m) {
  walk("cpu", m.cpu);
  walk("isa_levels", m.isa_levels);
  walk("cache_bytes", m.cache_bytes);
  walk("cores", m.cores);
}

void fields(auto& walk, Either<BnSizes> auto& s) {
  walk("packed_bytes", s.packed_bytes);
  walk("form_group_tokens", s.form_group_tokens);
  walk("form_group_bytes", s.form_group_bytes);
  walk("scratch_bytes", s.scratch_bytes);
  walk("exact_k", s.exact_k);
  walk("row_step", s.row_step);
  walk("token_step", s.token_step);
  walk("split", s.split);
}

void fields(auto& walk, Either<KernelRecord> auto& k) {
  walk("name", k.name);
  walk("template_hash", k.template_hash);
  walk("packing_key", k.packing_key);
  walk("form", k.form);
  walk("sizes", k.sizes);
  walk("pack", k.pack);
  walk("prepare", k.prepare);
  walk("run", k.run);
  walk("symbol_prefix", k.symbol_prefix);
}

void fields(auto& walk, Either<Problem> auto& p) {
  walk("kind", p.kind);
  walk("n", p.n);
  walk("k", p.k);
  walk("group", p.group);
  walk("epilogue", p.epilogue);
  walk("count", p.count);
}

void fields(auto& walk, Either<ClassRecord> auto& c) {
  walk("m_min", c.m_min);
  walk("m_max", c.m_max);
  walk("kernel", c.kernel);
  walk("nanoseconds", c.nanoseconds);
  walk("builtin_nanoseconds", c.builtin_nanoseconds);
  walk("roof_share", c.roof_share);
}

void fields(auto& walk, Either<ProblemRecord> auto& p) {
  walk("problem", p.problem);
  walk("classes", p.classes);
}

void fields(auto& walk, Either<PlanRecord> auto& p) {
  walk("threads", p.threads);
  walk("objective", p.objective);
  walk("problems", p.problems);
}

void fields(auto& walk, Either<Manifest> auto& m) {
  walk("format", m.format);
  walk("abi", m.abi);
  walk("tool_version", m.tool_version);
  walk("llvm_version", m.llvm_version);
  walk("architecture", m.architecture);
  walk("isa", m.isa);
  walk("shapes", m.shapes);
  walk("digest", m.digest);
  walk("machine", m.machine);
  walk("kernels", m.kernels);
  walk("plans", m.plans);
}

// Problem kinds are written by name, epilogues by number (they are the calling convention's).
constexpr ProblemKind kKinds[] = {ProblemKind::qkv, ProblemKind::output, ProblemKind::gate_up,
                                  ProblemKind::down};

// Written in the schema's order, for people who read it with `readelf -p .note.bitnet.kc`.
struct Writer {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();

  void operator()(const char* key, const auto& value) { object[key] = json_of(value); }

 private:
  static nlohmann::ordered_json json_of(const ProblemKind& kind) { return name(kind); }
  static nlohmann::ordered_json json_of(const BnEpilogue& e) { return static_cast<int>(e); }
  static nlohmann::ordered_json json_of(const std::string& text) { return text; }
  template <typename T>
  static nlohmann::ordered_json json_of(const std::vector<T>& list) {
    auto array = nlohmann::ordered_json::array();
    for (const T& item : list) array.push_back(json_of(item));
    return array;
  }
  template <typename T>
  static nlohmann::ordered_json json_of(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      return value;
    } else {
      Writer writer;
      fields(writer, value);
      return std::move(writer.object);
    }
  }
};

// Keeps the first error and its place ("plans[0].problems[2].classes[1].kernel"); afterwards it
// reads nothing more.
class Reader {
 public:
  Reader(const nlohmann::json& object, std::string where, std::string& error)
      : object_(object), where_(std::move(where)), error_(error) {}

  void operator()(const char* key, auto& value) {
    if (!error_.empty()) return;
    const std::string place = where_.empty() ? key : where_ + "." + key;
    const auto found = object_.find(key);
    if (found == object_.end()) {
      error_ = fmt::format("{}: missing", place);
    } else {
      read(*found, place, value);
    }
  }

 private:
  void wanted(const std::string& place, const nlohmann::json& found, std::string_view what) {
    error_ = fmt::format("{}: found {}, wanted {}", place, found.type_name(), what);
  }
  void read(const nlohmann::json& json, const std::string& place, std::string& text) {
    if (!json.is_string()) return wanted(place, json, "a string");
    text = json.get_ref<const std::string&>();
  }
  void read(const nlohmann::json& json, const std::string& place, double& value) {
    if (!json.is_number()) return wanted(place, json, "a number");
    value = json.get<double>();
    if (!std::isfinite(value)) error_ = fmt::format("{}: not a finite number", place);
  }
  template <std::integral T>
  void read(const nlohmann::json& json, const std::string& place, T& value) {
    if (!json.is_number_integer()) return wanted(place, json, "an integer");
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<uint64_t>())
                                                : std::in_range<T>(json.get<int64_t>());
    if (!fits) {
      error_ = fmt::format("{}: out of range", place);
    } else if (json.is_number_unsigned()) {
      value = static_cast<T>(json.get<uint64_t>());
    } else {
      value = static_cast<T>(json.get<int64_t>());
    }
  }
  void read(const nlohmann::json& json, const std::string& place, ProblemKind& kind) {
    if (!json.is_string()) return wanted(place, json, "a problem kind");
    for (ProblemKind known : kKinds) {
      if (json.get_ref<const std::string&>() == name(known)) return void(kind = known);
    }
    error_ = fmt::format("{}: unknown problem kind", place);
  }
  void read(const nlohmann::json& json, const std::string& place, BnEpilogue& epilogue) {
    int number = -1;
    read(json, place, number);
    if (!error_.empty()) return;
    if (number < BN_INT32 || number > BN_GATE_UP_RELU2) {
      error_ = fmt::format("{}: unknown epilogue {}", place, number);
    } else {
      epilogue = static_cast<BnEpilogue>(number);
    }
  }
  template <typename T>
  void read(const nlohmann::json& json, const std::string& place, std::vector<T>& list) {
    if (!json.is_array()) return wanted(place, json, "an array");
    list.clear();
    for (size_t i = 0; i < json.size() && error_.empty(); ++i) {
      read(json[i], fmt::format("{}[{}]", place, i), list.emplace_back());
    }
  }
  template <typename Record>
    requires std::is_class_v<Record>
  void read(const nlohmann::json& json, const std::string& place, Record& record) {
    if (!json.is_object()) return wanted(place, json, "an object");
    Reader reader(json, place, error_);
    fields(reader, record);
  }

  const nlohmann::json& object_;
  std::string where_;
  std::string& error_;
};

}  // namespace

std::string to_json(const Manifest& manifest) {
  Writer writer;
  fields(writer, manifest);
  // Names of CPUs come from the machine: bytes that are no UTF-8 are replaced, never thrown about.
  return writer.object.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<Manifest> parse_manifest(std::string_view text) {
  // std::map objects here, as ordered_json searches linearly and a hostile file may repeat keys
  // without end.
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return fail(invalid, "manifest: not JSON");
  if (!json.is_object())
    return fail(invalid, "manifest: found {}, wanted an object", json.type_name());
  Manifest manifest;
  std::string error;
  Reader reader(json, "", error);
  // The format decides what the other fields mean, so it is judged before they are read.
  reader("format", manifest.format);
  if (error.empty() && manifest.format != Manifest{}.format)
    return fail(unsupported, "manifest: format {}, wanted {}", manifest.format, Manifest{}.format);
  if (error.empty()) fields(reader, manifest);
  if (!error.empty()) return fail(invalid, "manifest: {}", error);
  return manifest;
}

}  // namespace bitnet
