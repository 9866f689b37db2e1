// The keys of one architecture, range-checked. For what reads hyper-parameters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "abi/kernel.h"
#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"

namespace bitnet {

// Far above every published model, far below where products of two of them overflow.
constexpr uint64_t kMostWidth = uint64_t{1} << 31;

// Some converters write them once a layer: equal elements are one number.
class Keys {
 public:
  Keys(const Gguf& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  bool has(std::string_view key) const { return file_.has(prefix_ + std::string(key)); }

  Result<int64_t> count(std::string_view key, uint64_t most) const {
    BITNET_TRY(const uint64_t value, unsigned_value(prefix_ + std::string(key)));
    if (value < 1 || value > most) return out_of_range(key, value, fmt::format("1 to {}", most));
    return static_cast<int64_t>(value);
  }
  // The K of a matrix.
  Result<int64_t> features(std::string_view key) const {
    BITNET_TRY(const int64_t value, count(key, kMostWidth));
    if (value > BN_MAX_K)
      return unsupported(key, value,
                         fmt::format("at most {}, up to which dot products are exact", BN_MAX_K));
    return value;
  }
  Result<int64_t> count_or(std::string_view key, uint64_t most, int64_t missing) const {
    return has(key) ? count(key, most) : missing;
  }
  // A factor, of which 0 means none, as llama.cpp has it.
  Result<double> factor(std::string_view key, double least, double most) const {
    const std::string full = prefix_ + std::string(key);
    const GgufValue* found = file_.value(full);
    const std::optional<double> value = found == nullptr ? std::nullopt : number(*found);
    if (!value) return file_.float_value(full);
    if (*value == 0) return 1.0;
    if (!(*value >= least && *value <= most))
      return out_of_range(key, *value, fmt::format("{} to {}, or 0 for none", least, most));
    return *value;
  }
  Result<double> positive(std::string_view key, double most) const {
    BITNET_TRY(const double value, float_value(prefix_ + std::string(key)));
    if (!(value > 0 && value <= most))
      return out_of_range(key, value, fmt::format("above 0, at most {}", most));
    return value;
  }
  template <typename T>
  std::unexpected<Error> out_of_range(std::string_view key, const T& found,
                                      const std::string& wanted) const {
    return fail(Error::Kind::invalid, "{}: key {}{}: found {}, wanted {}", file_.path(), prefix_,
                key, found, wanted);
  }
  template <typename T>
  std::unexpected<Error> unsupported(std::string_view key, const T& found,
                                     const std::string& wanted) const {
    return fail(Error::Kind::unsupported, "{}: key {}{}: found {}, wanted {}", file_.path(),
                prefix_, key, found, wanted);
  }
  const Gguf& file() const { return file_; }
  const std::string& prefix() const { return prefix_; }

 private:
  // Of an array the element that all of it is.
  std::optional<GgufValue> element(const std::string& key) const {
    const GgufValue* found = file_.value(key);
    return found != nullptr && std::holds_alternative<GgufArray>(*found) ? uniform(*found)
                                                                         : std::nullopt;
  }
  Result<uint64_t> unsigned_value(const std::string& key) const {
    const std::optional<GgufValue> one = element(key);
    if (!one) return file_.unsigned_value(key);
    if (const auto* value = std::get_if<uint64_t>(&*one)) return *value;
    const auto* value = std::get_if<int64_t>(&*one);
    return value != nullptr && *value >= 0 ? Result<uint64_t>(static_cast<uint64_t>(*value))
                                           : file_.unsigned_value(key);
  }
  Result<double> float_value(const std::string& key) const {
    const std::optional<GgufValue> one = element(key);
    const auto* value = one ? std::get_if<double>(&*one) : nullptr;
    return value != nullptr ? Result<double>(*value) : file_.float_value(key);
  }

  const Gguf& file_;
  std::string prefix_;
};

}  // namespace bitnet
