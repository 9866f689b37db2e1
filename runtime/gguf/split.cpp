#include "runtime/gguf/split.h"

namespace bitnet {
namespace {

using enum Error::Kind;

// What the user should have given.
std::unexpected<Error> not_the_first(const Gguf& file, const Split& split) {
  const auto prefix = split_prefix(file.path(), split);
  return fail(unsupported, "{}: part {} of {} of a split model: give its first part{}", file.path(),
              split.no + 1, split.count,
              prefix ? ", " + split_path(*prefix, {0, split.count}) : std::string());
}

}  // namespace

Result<Split> read_split(const Gguf& file) {
  Split split;
  BITNET_TRY(split.no, file.unsigned_or("split.no", 0));
  BITNET_TRY(split.count, file.unsigned_or("split.count", 1));
  if (split.count > 1 && split.no >= split.count)
    return fail(invalid, "{}: key split.no: found {}, wanted less than the {} of split.count",
                file.path(), split.no, split.count);
  return split;
}

std::string split_path(std::string_view prefix, const Split& split) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, split.no + 1, split.count);
}

std::optional<std::string> split_prefix(std::string_view path, const Split& split) {
  const std::string end = split_path("", split);
  if (!path.ends_with(end)) return std::nullopt;
  return std::string(path.substr(0, path.size() - end.size()));
}

Result<void> Gguf::join_parts() {
  BITNET_TRY(const Split split, read_split(*this));
  if (split.count <= 1) return {};
  if (split.no != 0) return not_the_first(*this, split);
  const auto prefix = split_prefix(path_, split);
  if (!prefix)
    return fail(unsupported,
                "{}: part 1 of {} of a split model: found a name that does not end in {}, so that "
                "the other parts' names are not known",
                path_, split.count, split_path("", split));
  for (uint64_t no = 1; no < split.count; ++no)
    BITNET_CHECK(join_part(split_path(*prefix, {no, split.count}), {no, split.count}));
  return check_tensor_count(split.count);
}

Result<void> Gguf::join_part(const std::string& path, const Split& wanted) {
  auto file = MappedFile::open(path);
  if (!file)
    return in(fmt::format("{}: part {} of {}", path_, wanted.no + 1, wanted.count), file.error());
  BITNET_TRY(Gguf part, parse(file->bytes(), path));
  BITNET_TRY(const Split found, read_split(part));
  if (found.no != wanted.no || found.count != wanted.count)
    return fail(invalid, "{}: found part {} of {} in it, wanted part {} of {}", path, found.no + 1,
                found.count, wanted.no + 1, wanted.count);
  for (TensorInfo& tensor : part.tensors_)
    if (auto added = add(std::move(tensor)); !added) return in(path, std::move(added.error()));
  trailing_bytes_ += part.trailing_bytes_;
  files_.push_back(std::move(*file));
  return {};
}

Result<void> Gguf::check_tensor_count(uint64_t parts) const {
  BITNET_TRY(const uint64_t wanted, unsigned_or("split.tensors.count", tensors_.size()));
  if (wanted == tensors_.size()) return {};
  return fail(invalid, "{}: found {} tensors in its {} parts, wanted {} (split.tensors.count)",
              path_, tensors_.size(), parts, wanted);
}

}  // namespace bitnet
