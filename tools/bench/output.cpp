#include "tools/bench/output.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bitnet::bench {
namespace {

using json = nlohmann::ordered_json;

std::string size_text(uint64_t bytes) {
  const double mib = static_cast<double>(bytes) / 1048576.0;
  return mib < 1024 ? fmt::format("{:.2f} MiB", mib) : fmt::format("{:.2f} GiB", mib / 1024);
}

std::string parameters_text(uint64_t parameters) {
  const double millions = static_cast<double>(parameters) * 1e-6;
  return millions < 1000 ? fmt::format("{:.2f} M", millions)
                         : fmt::format("{:.2f} B", 1e-3 * millions);
}

const char* kv_name(KvType kv) { return kv == KvType::f16 ? "f16" : "f32"; }

// llama-bench's fields first, in its order; what a CPU-only program has no use for stands at
// llama-bench's defaults.
json measured(const ModelFacts& model, const Measurement& m) {
  std::vector<double> ns;
  std::vector<uint64_t> samples_ns;
  std::vector<double> roofs;
  for (const Sample& sample : m.samples) {
    ns.push_back(1e9 * sample.seconds);
    samples_ns.push_back(static_cast<uint64_t>(1e9 * sample.seconds));
    roofs.push_back(1e-9 * sample.roof_bytes_per_second);
  }
  return {{"build_commit", BITNET_VERSION},
          {"build_number", 0},
          {"cpu_info", model.machine.cpu},
          {"gpu_info", ""},
          {"backends", "CPU"},
          {"model_filename", model.path},
          {"model_type", model.type},
          {"model_size", model.bytes},
          {"model_n_params", model.parameters},
          {"n_batch", model.batch},
          {"n_ubatch", model.ubatch},
          {"n_threads", m.threads},
          {"cpu_mask", "0x0"},
          {"cpu_strict", false},
          {"poll", 50},
          {"type_k", kv_name(model.kv.k)},
          {"type_v", kv_name(model.kv.v)},
          {"n_gpu_layers", 0},
          {"split_mode", "layer"},
          {"main_gpu", 0},
          {"no_kv_offload", false},
          {"flash_attn", false},
          {"tensor_split", "0.00"},
          {"use_mmap", true},
          {"embeddings", false},
          {"n_prompt", m.test.prompt},
          {"n_gen", m.test.generate},
          {"n_depth", m.test.depth},
          {"test_time", m.test_time},
          {"avg_ns", static_cast<uint64_t>(mean(ns))},
          {"stddev_ns", static_cast<uint64_t>(deviation(ns))},
          {"avg_ts", mean(m.rates())},
          {"stddev_ts", deviation(m.rates())},
          {"samples_ns", samples_ns},
          {"samples_ts", m.rates()},
          {"kernels", m.kernels},
          {"weight_bytes_per_token", m.bytes_per_token},
          {"gb_per_s", m.gigabytes_per_second()},
          {"roof_share", m.roof_share()},
          {"samples_roof_gb_per_s", roofs}};
}

// Of a comparison; keys as of the measurement itself.
json versus_of(const Measurement& m) {
  const Ratio ratio = ratio_of(m.ratios());
  return {{"vs", m.versus->name},
          {"vs_kernels", m.versus->kernels},
          {"vs_avg_ts", mean(m.versus_rates())},
          {"vs_stddev_ts", deviation(m.versus_rates())},
          {"vs_ratio", ratio.median},
          {"vs_ratio_low", ratio.low},
          {"vs_ratio_high", ratio.high},
          {"vs_rounds", ratio.rounds},
          {"samples_vs_ts", m.versus_rates()},
          {"samples_vs_ratio", m.ratios()}};
}

// One test as one object.
json object_of(const ModelFacts& model, const Measurement& m) {
  json object = measured(model, m);
  if (m.versus) object.update(versus_of(m));
  return object;
}

// Columns of tables: llama-bench has no samples in them.
json columns_of(const ModelFacts& model, const Measurement& m) {
  json columns = json::object();
  for (const auto& [key, value] : object_of(model, m).items())
    if (!value.is_array()) columns[key] = value;
  return columns;
}

std::string dump(const json& value, int indent = -1) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string plain(const json& value) {
  return value.is_string() ? value.get<std::string>() : dump(value);
}

// All keys, for headers.
json empty_columns(bool versus) {
  Measurement none;
  if (versus) none.versus.emplace();
  return columns_of({}, none);
}

// In quotes; a quote inside is doubled, as CSV and SQL have it.
std::string quoted(const json& value, char quote) {
  std::string out(1, quote);
  for (const char c : plain(value)) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

template <typename Of>  // of (key, value)
std::string joined(const json& object, std::string_view separator, const Of& of) {
  std::string all;
  for (const auto& [key, value] : object.items())
    all.append(all.empty() ? "" : separator).append(of(key, value));
  return all;
}
std::string keys(const json& object, std::string_view separator) {
  return joined(object, separator, [](const std::string& key, const json&) { return key; });
}

std::string no_header(const Columns&, bool) { return {}; }

std::string markdown_header(const Columns& more, bool) {
  std::string names, lines;
  for (const std::string& key : more) {
    names += fmt::format(" {:>8} |", key);
    lines += " -------: |";
  }
  return "| model                          |       size |     params | backend    | threads |" +
         names + "            test |                  t/s |   GB/s | of roof |\n" +
         "| ------------------------------ | ---------: | ---------: | ---------- | ------: |" +
         lines + " --------------: | -------------------: | -----: | ------: |\n";
}

// A row for the other one of a comparison: the ratio first, its speed in the column of speeds.
std::string markdown_versus(const Measurement& m, const Columns& more) {
  if (!m.versus) return {};
  std::string settings;
  for (size_t i = 0; i < more.size(); ++i) settings += fmt::format(" {:>8} |", "");
  return fmt::format(
      "| {:<30} | {:>10} | {:>10} | {:<10} | {:>7} |{} {:>15} | {:>20} | {:>6} | {:>7} |\n",
      fmt::format("{} of {}", to_string(ratio_of(m.ratios())), m.versus->name), "", "", "",
      m.threads, settings, name(m.test),
      fmt::format("{:.2f} ± {:.2f}", mean(m.versus_rates()), deviation(m.versus_rates())), "", "");
}

std::string markdown_row(const ModelFacts& model, const Measurement& m, const Columns& more, bool) {
  const json object = object_of(model, m);
  std::string settings;
  for (const std::string& key : more) settings += fmt::format(" {:>8} |", plain(object[key]));
  const bool streams = m.gigabytes_per_second() > 0;
  return fmt::format(
             "| {:<30} | {:>10} | {:>10} | {:<10} | {:>7} |{} {:>15} | {:>20} | {:>6} | {:>7} |\n",
             model.type, size_text(model.bytes), parameters_text(model.parameters), "CPU",
             m.threads, settings, name(m.test),
             fmt::format("{:.2f} ± {:.2f}", mean(m.rates()), deviation(m.rates())),
             streams ? fmt::format("{:.1f}", m.gigabytes_per_second()) : "-",
             streams ? fmt::format("{:.0f} %", 100 * m.roof_share()) : "-") +
         markdown_versus(m, more);
}

std::string csv_header(const Columns&, bool versus) {
  return keys(empty_columns(versus), ",") + "\n";
}

std::string csv_row(const ModelFacts& model, const Measurement& m, const Columns&, bool) {
  const auto cell = [](const std::string&, const json& value) { return quoted(value, '"'); };
  return joined(columns_of(model, m), ",", cell) + "\n";
}

std::string json_header(const Columns&, bool) { return "[\n"; }

std::string json_row(const ModelFacts& model, const Measurement& m, const Columns&, bool first) {
  std::string text = (first ? "  " : ",\n  ");
  for (const char c : dump(object_of(model, m), 2)) (text += c) += c == '\n' ? "  " : "";
  return text;
}

std::string json_line(const ModelFacts& model, const Measurement& m, const Columns&, bool) {
  return dump(object_of(model, m)) + "\n";
}

std::string sql_header(const Columns&, bool versus) {
  const auto column = [](const std::string& key, const json& value) {
    const char* type = value.is_string() ? "TEXT" : value.is_number_float() ? "REAL" : "INTEGER";
    return fmt::format("  {} {}", key, type);
  };
  return fmt::format("CREATE TABLE IF NOT EXISTS llama_bench (\n{}\n);\n\n",
                     joined(empty_columns(versus), ",\n", column));
}

std::string sql_row(const ModelFacts& model, const Measurement& m, const Columns&, bool) {
  const json columns = columns_of(model, m);
  const auto value_of = [](const std::string&, const json& value) {
    return value.is_boolean() ? (value.get<bool>() ? "'1'" : "'0'") : quoted(value, '\'');
  };
  return fmt::format("INSERT INTO llama_bench ({}) VALUES ({});\n", keys(columns, ", "),
                     joined(columns, ", ", value_of));
}

constexpr Format kFormats[] = {{"md", markdown_header, markdown_row, ""},
                               {"csv", csv_header, csv_row, ""},
                               {"json", json_header, json_row, "\n]\n"},
                               {"jsonl", no_header, json_line, ""},
                               {"sql", sql_header, sql_row, ""}};

}  // namespace

std::span<const Format> formats() { return kFormats; }

const Format& format_named(std::string_view name) {
  return *std::ranges::find(kFormats, name, &Format::name);
}

}  // namespace bitnet::bench
