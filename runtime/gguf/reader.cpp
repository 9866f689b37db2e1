#include "runtime/gguf/reader.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "runtime/base/printable.h"
#include "runtime/base/round_up.h"
#include "runtime/gguf/cursor.h"
#include "runtime/gguf/foreign_file.h"
#include "runtime/gguf/placing.h"
#include "runtime/gguf/read_value.h"

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
    const size_t begin =
        std::min<size_t>(round_up(cursor_.position(), alignment_), out_.bytes_.size());
    BITNET_TRY(out_.trailing_bytes_, place_tensors(out_.tensors_, std::move(places_),
                                                   out_.bytes_.subspan(begin), alignment_));
    return {};
  }

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
    BITNET_TRY(GgufValue value, read_value(cursor_, type, where));
    if (!out_.values_.emplace(key, value).second)
      return fail(Error::Kind::invalid, "{}: appears twice", where);
    return {};
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
      return fail(Error::Kind::unsupported, "{}: found {}, wanted one of {}, {}", where,
                  type_name(type), type_names(false), type_names(true));
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
