#include "runtime/gguf/reader.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "runtime/base/printable.h"
#include "runtime/base/round_up.h"
#include "runtime/gguf/cursor.h"
#include "runtime/gguf/foreign_file.h"
#include "runtime/gguf/value_types.h"

namespace bitnet {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kMaxNameBytes = 65535;
constexpr uint64_t kMaxAlignment = uint64_t{1} << 20;
// The least that an entry can take: an empty key, its type and one byte; an empty name, no
// dimensions, type and offset.
constexpr uint64_t kLeastKeyBytes = 8 + 4 + 1, kLeastTensorBytes = 8 + 4 + 4 + 8;

}  // namespace

// Fills a Gguf from its bytes, in the order of the format: header, metadata, tensor list, tensor
// data.
class GgufParser {
 public:
  explicit GgufParser(Gguf& out) : out_(out), cursor_(out.bytes_) {}

  // The functions below say what is wrong with the bytes; here the file's name comes before it. The
  // alignment is read as any value of a key is, which names the file itself.
  Result<void> run() {
    if (auto read = read_keys(); !read) return in(out_.path_, std::move(read.error()));
    BITNET_CHECK(read_alignment());
    if (auto read = read_tensors(); !read) return in(out_.path_, std::move(read.error()));
    return {};
  }

 private:
  Result<void> read_keys() {
    BITNET_CHECK(read_header());
    for (uint64_t i = 0; i < key_count_; ++i) BITNET_CHECK(read_key(i));
    return {};
  }

  Result<void> read_tensors() {
    out_.tensors_.reserve(static_cast<size_t>(tensor_count_));
    for (uint64_t i = 0; i < tensor_count_; ++i) BITNET_CHECK(read_tensor(i));
    return place_tensors();
  }

  // A tensor's place, still relative to the data section.
  struct Place {
    uint64_t offset, bytes;
    size_t tensor;
  };

  Result<void> read_header() {
    const auto magic = cursor_.number<uint32_t>("the magic number");
    if (!magic || *magic != kMagic) {
      if (const auto what = foreign_file(out_.bytes_))
        return fail(Error::Kind::invalid, "not a GGUF file: {}", *what);
      if (!magic) return std::unexpected(magic.error());
      const std::string_view found(reinterpret_cast<const char*>(out_.bytes_.data()), 4);
      return fail(Error::Kind::invalid,
                  "not a GGUF file: found \"{}\" at its start, wanted \"GGUF\"", printable(found));
    }
    BITNET_TRY(const auto version, cursor_.number<uint32_t>("the version"));
    if ((version & 0xFFFFU) == 0)
      return fail(Error::Kind::unsupported, "a big-endian GGUF file, wanted little-endian");
    if (version != 2 && version != 3)
      return fail(Error::Kind::unsupported, "GGUF version {}, wanted 2 or 3", version);
    BITNET_TRY(tensor_count_, cursor_.number<uint64_t>("the tensor count"));
    BITNET_TRY(key_count_, cursor_.number<uint64_t>("the key count"));
    const uint64_t left = cursor_.left();
    if (key_count_ > left / kLeastKeyBytes)
      return fail(Error::Kind::invalid, "{} keys cannot fit into the {} bytes that follow",
                  key_count_, left);
    if (tensor_count_ > left / kLeastTensorBytes)
      return fail(Error::Kind::invalid, "{} tensors cannot fit into the {} bytes that follow",
                  tensor_count_, left);
    return {};
  }

  Result<std::string_view> read_name(const std::string& what) {
    BITNET_TRY(const std::string_view name, cursor_.string(what));
    if (name.empty() || name.size() > kMaxNameBytes) {
      return fail(Error::Kind::invalid, "{} has {} bytes, wanted 1 to {}", what, name.size(),
                  kMaxNameBytes);
    }
    return name;
  }

  Result<void> read_key(uint64_t index) {
    BITNET_TRY(const std::string_view key, read_name(fmt::format("the name of key {}", index)));
    const std::string where = "key " + printable(key);
    BITNET_TRY(const auto type, cursor_.number<uint32_t>(where));
    BITNET_TRY(GgufValue value, read_value(type, where));
    if (!out_.values_.emplace(key, value).second)
      return fail(Error::Kind::invalid, "{}: appears twice", where);
    return {};
  }

  template <typename Stored, typename Wide>
  Result<GgufValue> read_number(const std::string& where) {
    BITNET_TRY(const Stored value, cursor_.number<Stored>(where));
    return GgufValue(static_cast<Wide>(value));
  }

  Result<GgufValue> read_value(uint32_t type, const std::string& where) {
    switch (static_cast<GgufValueType>(type)) {
      case GgufValueType::u8:
        return read_number<uint8_t, uint64_t>(where);
      case GgufValueType::u16:
        return read_number<uint16_t, uint64_t>(where);
      case GgufValueType::u32:
        return read_number<uint32_t, uint64_t>(where);
      case GgufValueType::u64:
        return read_number<uint64_t, uint64_t>(where);
      case GgufValueType::i8:
        return read_number<int8_t, int64_t>(where);
      case GgufValueType::i16:
        return read_number<int16_t, int64_t>(where);
      case GgufValueType::i32:
        return read_number<int32_t, int64_t>(where);
      case GgufValueType::i64:
        return read_number<int64_t, int64_t>(where);
      case GgufValueType::f32:
        return read_number<float, double>(where);
      case GgufValueType::f64:
        return read_number<double, double>(where);
      case GgufValueType::boolean: {
        BITNET_TRY(const auto value, cursor_.number<uint8_t>(where));
        if (value > 1)
          return fail(Error::Kind::invalid, "{}: found {} for a bool, wanted 0 or 1", where, value);
        return GgufValue(value == 1);
      }
      case GgufValueType::string: {
        BITNET_TRY(const std::string_view value, cursor_.string(where));
        return GgufValue(value);
      }
      case GgufValueType::array:
        return read_array(where);
    }
    return fail(Error::Kind::invalid, "{}: found value type {}, wanted 0 to 12", where, type);
  }

  Result<GgufValue> read_array(const std::string& where) {
    BITNET_TRY(const auto type, cursor_.number<uint32_t>(where));
    BITNET_TRY(const auto count, cursor_.number<uint64_t>(where));
    const uint64_t left = cursor_.left();
    const uint64_t element_bytes = value_bytes(static_cast<GgufValueType>(type));
    if (static_cast<GgufValueType>(type) == GgufValueType::string) {
      if (count > left / 8)
        return fail(Error::Kind::invalid, "{}: {} strings cannot fit into the {} bytes left", where,
                    count, left);
      const size_t begin = cursor_.position();
      for (uint64_t i = 0; i < count; ++i) BITNET_CHECK(cursor_.string(where));
      return GgufValue(
          GgufArray{type, count, out_.bytes_.subspan(begin, cursor_.position() - begin)});
    }
    if (element_bytes == 0)
      return fail(Error::Kind::unsupported,
                  "{}: found an array of value type {}, wanted numbers or strings", where, type);
    if (count > left / element_bytes)
      return fail(Error::Kind::invalid, "{}: {} elements cannot fit into the {} bytes left", where,
                  count, left);
    BITNET_TRY(const auto bytes, cursor_.take(count * element_bytes, where));
    return GgufValue(GgufArray{type, count, bytes});
  }

  Result<void> read_alignment() {
    BITNET_TRY(alignment_, out_.unsigned_or("general.alignment", 32));
    const bool power_of_two = alignment_ > 0 && (alignment_ & (alignment_ - 1)) == 0;
    if (!power_of_two || alignment_ < 8 || alignment_ > kMaxAlignment) {
      return fail(Error::Kind::invalid,
                  "{}: key general.alignment: found {}, wanted a power of two from 8 to {}",
                  out_.path_, alignment_, kMaxAlignment);
    }
    return {};
  }

  Result<void> read_tensor(uint64_t index) {
    BITNET_TRY(const std::string_view name, read_name(fmt::format("the name of tensor {}", index)));
    const std::string where = printable(name);
    TensorInfo tensor{.name = name, .type = GgmlType::f32, .dims = {}, .data = {}};
    BITNET_CHECK(read_dimensions(tensor, where));
    BITNET_TRY(const auto type, cursor_.number<uint32_t>(where));
    BITNET_TRY(const auto offset, cursor_.number<uint64_t>(where));
    const TypeTraits* known = find_type(type);
    if (known == nullptr) {
      return fail(Error::Kind::unsupported,
                  "{}: found {}, wanted one of F32, F16, BF16, Q8_0, Q6_K, TQ1_0, TQ2_0, I2_S",
                  where, type_name(type));
    }
    tensor.type = known->type;
    if (offset % alignment_ != 0)
      return fail(Error::Kind::invalid, "{}: offset {} is not a multiple of the alignment {}",
                  where, offset, alignment_);
    auto bytes =
        tensor_bytes(tensor.type, tensor.dims.size() > 1 ? tensor.dims[1] : 1, tensor.dims[0]);
    if (!bytes) return in(where, bytes.error());
    places_.push_back({offset, *bytes, out_.tensors_.size()});
    return out_.add(std::move(tensor));
  }

  // Scalars (no dimensions) become [1]; trailing dimensions of 1 are dropped.
  Result<void> read_dimensions(TensorInfo& tensor, const std::string& where) {
    BITNET_TRY(const auto count, cursor_.number<uint32_t>(where));
    if (count > 4)
      return fail(Error::Kind::invalid, "{}: found {} dimensions, wanted at most 4", where, count);
    for (uint32_t i = 0; i < count; ++i) {
      BITNET_TRY(const auto dimension, cursor_.number<uint64_t>(where));
      if (dimension == 0)
        return fail(Error::Kind::invalid, "{}: dimension {} is 0, wanted at least 1", where, i);
      tensor.dims.push_back(dimension);
    }
    while (tensor.dims.size() > 2 && tensor.dims.back() == 1) tensor.dims.pop_back();
    if (tensor.dims.size() > 2)
      return fail(Error::Kind::unsupported, "{}: found {} dimensions, wanted 1 or 2", where,
                  tensor.dims.size());
    if (tensor.dims.empty()) tensor.dims.push_back(1);
    return {};
  }

  // Gives every tensor its bytes: inside the file, apart from every other.
  Result<void> place_tensors() {
    const uint64_t data_begin = round_up(cursor_.position(), alignment_),
                   file_bytes = out_.bytes_.size();
    std::sort(places_.begin(), places_.end(),
              [](const Place& a, const Place& b) { return a.offset < b.offset; });
    const uint64_t room = file_bytes < data_begin ? 0 : file_bytes - data_begin;
    for (size_t i = 0; i < places_.size(); ++i) {
      const Place& place = places_[i];
      TensorInfo& tensor = out_.tensors_[place.tensor];
      if (place.bytes > room || place.offset > room - place.bytes) {
        return fail(
            Error::Kind::invalid,
            "{}: {} bytes at offset {} end past the end of the file, which has {} bytes of data",
            printable(tensor.name), place.bytes, place.offset, room);
      }
      if (i + 1 < places_.size()) BITNET_CHECK(check_gap(place, places_[i + 1]));
      tensor.data = out_.bytes_.subspan(static_cast<size_t>(data_begin + place.offset),
                                        static_cast<size_t>(place.bytes));
    }
    const uint64_t used = places_.empty() ? 0 : places_.back().offset + places_.back().bytes;
    out_.trailing_bytes_ = room - std::min(room, round_up(used, alignment_));
    return {};
  }

  // Sizes are not stored, so the next offset is the only witness of what a type id means: 36 is
  // I2_S here and once was something larger elsewhere.
  Result<void> check_gap(const Place& place, const Place& next) {
    const TensorInfo& tensor = out_.tensors_[place.tensor];
    const uint64_t gap = next.offset - place.offset;
    if (gap < place.bytes) {
      return fail(Error::Kind::invalid, "{}: {} bytes at offset {} overlap {} at offset {}",
                  printable(tensor.name), place.bytes, place.offset,
                  printable(out_.tensors_[next.tensor].name), next.offset);
    }
    if (tensor.type == GgmlType::i2_s && gap > round_up(place.bytes, alignment_)) {
      return fail(Error::Kind::unsupported, "{}: type 36 with {} bytes, wanted {} as I2_S has them",
                  printable(tensor.name), gap, place.bytes);
    }
    return {};
  }

  Gguf& out_;
  Cursor cursor_;
  uint64_t tensor_count_ = 0, key_count_ = 0, alignment_ = 32;
  std::vector<Place> places_;
};

Result<Gguf> Gguf::open(const std::string& path) {
  BITNET_TRY(MappedFile file, MappedFile::open(path));
  BITNET_TRY(Gguf gguf, parse(file.bytes(), path));
  gguf.files_.push_back(std::move(file));
  BITNET_CHECK(gguf.join_parts());
  return gguf;
}

Result<Gguf> Gguf::parse(std::span<const std::byte> bytes, const std::string& name) {
  Gguf gguf;
  gguf.path_ = name;
  gguf.bytes_ = bytes;
  BITNET_CHECK(GgufParser(gguf).run());
  return gguf;
}

Result<void> Gguf::add(TensorInfo tensor) {
  if (!by_name_.emplace(tensor.name, tensors_.size()).second)
    return fail(Error::Kind::invalid, "{}: there are two tensors of this name",
                printable(tensor.name));
  tensors_.push_back(std::move(tensor));
  return {};
}

uint64_t Gguf::file_bytes() const {
  uint64_t bytes = 0;
  for (const MappedFile& file : files_) bytes += file.bytes().size();
  return files_.empty() ? bytes_.size() : bytes;
}

std::string Gguf::where(const TensorInfo& tensor) const {
  const std::string* path = &path_;
  for (const MappedFile& file : files_) {
    const std::byte* begin = file.bytes().data();
    const bool inside = !std::less<>{}(tensor.data.data(), begin) &&
                        std::less<>{}(tensor.data.data(), begin + file.bytes().size());
    if (inside) path = &file.path();
  }
  return fmt::format("{}: {}", *path, printable(tensor.name));
}

const TensorInfo* Gguf::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

Result<const TensorInfo*> Gguf::tensor(std::string_view name) const {
  if (const TensorInfo* found = find(name)) return found;
  return fail(Error::Kind::not_found, "{}: there is no tensor {}", path_, name);
}

}  // namespace bitnet
