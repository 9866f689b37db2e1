#include "tools/bench/output.h"

#include <fmt/core.h>

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

// One test as one object: llama-bench's fields first, in its order. What a CPU-only program has no
// use for stands at llama-bench's defaults.
json object_of(const ModelFacts& model, const Measurement& m) {
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

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string markdown_header() {
  return "| model                          |       size |     params | backend    | threads |      "
         "      test |"
         "                  t/s |   GB/s | of roof |\n"
         "| ------------------------------ | ---------: | ---------: | ---------- | ------: | "
         "--------------: |"
         " -------------------: | -----: | ------: |\n";
}

std::string markdown_row(const ModelFacts& model, const Measurement& m) {
  const bool streams = m.gigabytes_per_second() > 0;
  return fmt::format(
      "| {:<30} | {:>10} | {:>10} | {:<10} | {:>7} | {:>15} | {:>20} | {:>6} | {:>7} |\n",
      model.type, size_text(model.bytes), parameters_text(model.parameters), "CPU", m.threads,
      name(m.test), fmt::format("{:.2f} ± {:.2f}", mean(m.rates()), deviation(m.rates())),
      streams ? fmt::format("{:.1f}", m.gigabytes_per_second()) : "-",
      streams ? fmt::format("{:.0f} %", 100 * m.roof_share()) : "-");
}

std::string to_json(const ModelFacts& model, const std::vector<Measurement>& all) {
  json list = json::array();
  for (const Measurement& m : all) list.push_back(object_of(model, m));
  return list.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string csv_header() {
  std::string line;
  const json example = object_of({}, Measurement{});
  for (const auto& [key, value] : example.items()) {
    if (!value.is_array()) line += (line.empty() ? "" : ",") + key;
  }
  return line + "\n";
}

std::string csv_row(const ModelFacts& model, const Measurement& m) {
  std::string line;
  const json object = object_of(model, m);
  for (const auto& [key, value] : object.items()) {
    if (value.is_array()) continue;  // llama-bench's CSV has no samples
    if (!line.empty()) line += ',';
    line += quoted(value.is_string() ? value.get<std::string>()
                                     : value.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return line + "\n";
}

}  // namespace bitnet::bench
