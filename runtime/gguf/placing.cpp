#include "runtime/gguf/placing.h"

#include <algorithm>

#include "runtime/base/printable.h"
#include "runtime/base/round_up.h"

namespace bitnet {
namespace {

class Placing {
 public:
  Placing(std::vector<TensorInfo>& tensors, std::vector<Place> places,
          std::span<const std::byte> data, uint64_t alignment)
      : tensors_(tensors), places_(std::move(places)), data_(data), alignment_(alignment) {
    std::ranges::sort(places_, {}, &Place::offset);
  }

  Result<uint64_t> run() {
    BITNET_CHECK(decide_q2_0());
    for (size_t i = 0; i < places_.size(); ++i) {
      BITNET_CHECK(place(places_[i]));
      BITNET_CHECK(check_room(i));
    }
    const uint64_t used = places_.empty() ? 0 : places_.back().offset + places_.back().bytes;
    return data_.size() - std::min<uint64_t>(data_.size(), round_up(used, alignment_));
  }

 private:
  TensorInfo& tensor(size_t i) const { return tensors_[places_[i].tensor]; }
  bool is_last(size_t i) const { return i + 1 == places_.size(); }
  // From a tensor's offset to the next, or to the end of the file, which may follow without
  // padding.
  uint64_t room(size_t i) const {
    if (!is_last(i)) return places_[i + 1].offset - places_[i].offset;
    return places_[i].offset < data_.size() ? data_.size() - places_[i].offset : 0;
  }
  // Room that is full but for padding.
  bool fills(size_t i, uint64_t bytes) const {
    return bytes <= room(i) && round_up(bytes, alignment_) == round_up(room(i), alignment_);
  }

  Result<void> place(const Place& place) const {
    TensorInfo& tensor = tensors_[place.tensor];
    if (place.bytes > data_.size() || place.offset > data_.size() - place.bytes) {
      return fail(
          Error::Kind::invalid,
          "{}: {} bytes at offset {} end past the end of the file, which has {} bytes of data",
          printable(tensor.name), place.bytes, place.offset, data_.size());
    }
    tensor.data =
        data_.subspan(static_cast<size_t>(place.offset), static_cast<size_t>(place.bytes));
    return {};
  }

  Result<void> check_room(size_t i) const {
    const Place& place = places_[i];
    const TensorInfo& tensor = this->tensor(i);
    if (tensor.type == GgmlType::q1_0 && fills(i, tencent_bytes(tensor)) &&
        !fills(i, place.bytes)) {
      return fail(Error::Kind::unsupported,
                  "{}: type 41 with {} bytes, wanted {} as Q1_0 has them: these are Tencent's two "
                  "bits a weight with a scale a row, which are not ternary",
                  printable(tensor.name), room(i), place.bytes);
    }
    if (is_last(i)) return {};
    const Place& next = places_[i + 1];
    if (room(i) < place.bytes) {
      return fail(Error::Kind::invalid, "{}: {} bytes at offset {} overlap {} at offset {}",
                  printable(tensor.name), place.bytes, place.offset,
                  printable(tensors_[next.tensor].name), next.offset);
    }
    const bool ambiguous = tensor.type == GgmlType::i2_s || tensor.type == GgmlType::q1_0;
    if (ambiguous && room(i) > round_up(place.bytes, alignment_)) {
      return fail(Error::Kind::unsupported, "{}: type {} with {} bytes, wanted {} as {} has them",
                  printable(tensor.name), file_id(tensor.type), room(i), place.bytes,
                  traits(tensor.type).name);
    }
    return {};
  }

  // A row: two bits a weight and an F16.
  static uint64_t tencent_bytes(const TensorInfo& tensor) {
    const auto n = static_cast<uint64_t>(tensor.n()), k = static_cast<uint64_t>(tensor.k());
    return n * (k / 4 + 2);
  }

  // ---- Id 42

  // Of the tensor in the older layout; 0: K does not divide.
  static uint64_t older_bytes(const TensorInfo& tensor) {
    const auto n = static_cast<uint64_t>(tensor.n()), k = static_cast<uint64_t>(tensor.k());
    return k % kPq2Elements == 0 ? n * (k / kPq2Elements) * kPq2Bytes : 0;
  }
  bool fits(size_t i, GgmlType layout) const {
    const uint64_t bytes = layout == GgmlType::q2_0 ? places_[i].bytes : older_bytes(tensor(i));
    return bytes > 0 && fills(i, bytes);
  }

  // The last tensor of a file may be cut off or followed by anything, so that it decides only where
  // no other one does, and contradicts only where the other layout fits it.
  Result<void> decide_q2_0() {
    std::vector<size_t> of_42;
    for (size_t i = 0; i < places_.size(); ++i)
      if (tensor(i).type == GgmlType::q2_0) of_42.push_back(i);
    if (of_42.empty()) return {};
    const size_t end = of_42.back();
    const auto misfit = [&](GgmlType layout) -> const size_t* {
      for (const size_t& i : of_42)
        if (!is_last(i) && !fits(i, layout)) return &i;
      return nullptr;
    };
    const size_t *newer = misfit(GgmlType::q2_0), *older = misfit(GgmlType::q2_0_g128);
    if (is_last(end) && fits(end, GgmlType::q2_0) != fits(end, GgmlType::q2_0_g128)) {
      const size_t*& other = fits(end, GgmlType::q2_0) ? older : newer;
      if (other == nullptr) other = &end;
    }
    if (newer == nullptr && older == nullptr) return ambiguous(of_42.front());
    if (newer != nullptr && older != nullptr) return fits_neither(*newer, *older);
    if (newer == nullptr) return {};
    // The last tensor need not fit; but K of what is read in the older layout must.
    if (older_bytes(tensor(end)) == 0) return fits_neither(*newer, end);
    for (const size_t i : of_42) {
      places_[i].bytes = older_bytes(tensor(i));
      tensor(i).type = GgmlType::q2_0_g128;
    }
    return {};
  }

  std::unexpected<Error> ambiguous(size_t i) const {
    return fail(Error::Kind::unsupported,
                "{}: type 42 with {} bytes: nothing tells whether Q2_0 has 64 weights a scale here "
                "({} bytes) or 128 ({})",
                printable(tensor(i).name), room(i), places_[i].bytes, older_bytes(tensor(i)));
  }

  // Each layout fails at some tensor: at the same one, or the file is mixed.
  std::unexpected<Error> fits_neither(size_t newer, size_t older) const {
    if (newer == older)
      return fail(Error::Kind::invalid,
                  "{}: type 42 with {} bytes, wanted {} as Q2_0 has them with 64 weights a scale, "
                  "or {} with 128",
                  printable(tensor(newer).name), room(newer), places_[newer].bytes,
                  older_bytes(tensor(newer)));
    return fail(
        Error::Kind::invalid,
        "{}: type 42 with {} bytes, wanted {} as Q2_0 has them with 64 weights a scale; but "
        "{} has {}, wanted {} as Q2_0 has them with 128: all of a file must be alike",
        printable(tensor(newer).name), room(newer), places_[newer].bytes,
        printable(tensor(older).name), room(older), older_bytes(tensor(older)));
  }

  std::vector<TensorInfo>& tensors_;
  std::vector<Place> places_;
  std::span<const std::byte> data_;
  uint64_t alignment_;
};

}  // namespace

Result<uint64_t> place_tensors(std::vector<TensorInfo>& tensors, std::vector<Place> places,
                               std::span<const std::byte> data, uint64_t alignment) {
  return Placing(tensors, std::move(places), data, alignment).run();
}

}  // namespace bitnet
