#include <algorithm>
#include <charconv>

#include "runtime/base/xxh3.h"
#include "runtime/kernel/cache.h"
#include "runtime/kernel/cache_elf.h"

namespace bitnet {
namespace {

using enum Error::Kind;

constexpr size_t kDigestDigits = 32;
constexpr std::string_view kDigestKey = "\"digest\": \"";
constexpr size_t kMostManifestBytes = size_t{8} << 20;
constexpr uint64_t kEntryAlignment = 64;
constexpr int64_t kMostBytes = int64_t{1} << 40;  // of a packed matrix, a form group, scratch
constexpr int64_t kMostStep = 1 << 20;

// Where the digest's digits lie in the file. A quote inside a JSON string is escaped, so the key's
// text cannot be part of another value; a second key of that name is refused.
Result<size_t> digest_place(std::string_view manifest, size_t manifest_offset) {
  const size_t key = manifest.find(kDigestKey);
  if (key == std::string_view::npos) return fail(refused, "manifest: no digest");
  const size_t digits = key + kDigestKey.size();
  if (manifest.find(kDigestKey, digits) != std::string_view::npos)
    return fail(refused, "manifest: more than one digest");
  if (manifest.size() - digits < kDigestDigits) return fail(refused, "manifest: digest is cut off");
  return manifest_offset + digits;
}

Result<void> check_digest(std::span<const std::byte> file, std::string_view manifest,
                          size_t manifest_offset) {
  BITNET_TRY(const size_t place, digest_place(manifest, manifest_offset));
  const std::string_view found = manifest.substr(place - manifest_offset, kDigestDigits);
  const std::string wanted = cache_digest(file, place);
  if (found != wanted)
    return fail(refused, "damaged: the bytes do not have the digest that the manifest states");
  return {};
}

Result<void> check_safety(const Manifest& m, std::string_view architecture, const IsaSet& isa,
                          const std::string& shapes) {
  if (m.abi != BITNET_ABI_VERSION)
    return fail(refused, "made for calling convention {}, this program has {}", m.abi,
                BITNET_ABI_VERSION);
  if (m.architecture != architecture)
    return fail(refused, "made for architecture {}, wanted {}", m.architecture, architecture);
  const auto needed = parse_isa(m.isa);
  if (!needed) return fail(refused, "needs the unknown instruction set {}", m.isa);
  if (!isa.has(*needed))
    return fail(refused, "needs {}, the highest level here is {}", m.isa,
                name(isa.levels().back()));
  if (m.shapes != shapes)
    return fail(refused, "made for shapes {}, this model has {}", m.shapes, shapes);
  return {};
}

Result<void> check_sizes(const BnSizes& s) {
  const auto within = [](int64_t value, int64_t least, int64_t most) {
    return value >= least && value <= most;
  };
  if (!within(s.packed_bytes, 1, kMostBytes))
    return fail(refused, "packed_bytes {}", s.packed_bytes);
  if (!within(s.form_group_tokens, 1, kMostStep))
    return fail(refused, "form_group_tokens {}", s.form_group_tokens);
  if (!within(s.form_group_bytes, 1, kMostBytes))
    return fail(refused, "form_group_bytes {}", s.form_group_bytes);
  if (!within(s.scratch_bytes, 0, kMostBytes))
    return fail(refused, "scratch_bytes {}", s.scratch_bytes);
  if (!within(s.exact_k, 1, BN_MAX_K)) return fail(refused, "exact_k {}", s.exact_k);
  if (!within(s.row_step, 1, kMostStep)) return fail(refused, "row_step {}", s.row_step);
  if (!within(s.token_step, 1, kMostStep)) return fail(refused, "token_step {}", s.token_step);
  if (!within(s.split, BN_SPLIT_ROWS, BN_SPLIT_TOKENS)) return fail(refused, "split {}", s.split);
  return {};
}

Result<void> check_entry(const ElfLayout& elf, const char* what, uint64_t offset) {
  if (offset % kEntryAlignment != 0)
    return fail(refused, "entry point {} at {} is not a multiple of {}", what, offset,
                kEntryAlignment);
  if (elf.executable_at(offset, 1) == nullptr)
    return fail(refused, "entry point {} at {} lies outside the executable segment", what, offset);
  return {};
}

// The file's own level is the highest of its kernels', but levels form a tree: each kernel is asked
// for itself.
Result<void> check_kernel(const ElfLayout& elf, const KernelRecord& kernel, const IsaSet& isa) {
  BITNET_TRY(const KernelName parsed, parse_kernel_name(kernel.name));
  if (!isa.has(parsed.isa))
    return fail(refused, "needs {}, which this program may not use here", name(parsed.isa));
  BITNET_CHECK(check_sizes(kernel.sizes));
  BITNET_CHECK(check_entry(elf, "pack", kernel.pack));
  BITNET_CHECK(check_entry(elf, "prepare", kernel.prepare));
  return check_entry(elf, "run", kernel.run);
}

// A kernel's code may hold its shape as constants; its symbols say which: <name>_<n>x<k>, 0 for
// any, and g<group> behind it where that is one.
Result<void> check_shape(const KernelRecord& kernel, const Problem& problem) {
  const auto number = [](std::string_view text) {
    int64_t value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : int64_t{-1};
  };
  std::string_view shape = kernel.symbol_prefix;
  const size_t x = shape.rfind('x');
  if (!shape.starts_with(kernel.name + "_") || x == std::string_view::npos ||
      x <= kernel.name.size())
    return fail(refused, "symbol prefix {} does not follow from the name {}", kernel.symbol_prefix,
                kernel.name);
  const int64_t n = number(shape.substr(kernel.name.size() + 1, x - kernel.name.size() - 1));
  const size_t g = shape.find('g', x);
  const int64_t k = number(shape.substr(x + 1, g == std::string_view::npos ? g : g - x - 1));
  const int64_t group = g == std::string_view::npos ? problem.group : number(shape.substr(g + 1));
  if ((n != 0 && n != problem.n) || (k != 0 && k != problem.k) || group != problem.group)
    return fail(refused, "kernel {} is not for {}x{}{}", kernel.symbol_prefix, problem.n, problem.k,
                problem.group ? fmt::format("/{}", problem.group) : "");
  if (kernel.sizes.exact_k < problem.k)
    return fail(refused, "kernel {} is exact up to K={}, not {}", kernel.name, kernel.sizes.exact_k,
                problem.k);
  return {};
}

Result<void> check_problem(const Manifest& m, const ProblemRecord& record) {
  const Problem& p = record.problem;
  if (p.n < 1 || p.n > std::numeric_limits<int32_t>::max() || p.k < 1 || p.k > BN_MAX_K)
    return fail(refused, "shape {}x{}", p.n, p.k);
  int64_t next = 1;  // token count that the next class must start with
  for (const ClassRecord& c : record.classes) {
    if (c.m_min != next || c.m_max < c.m_min)
      return fail(refused, "token classes have a gap at {}: next is {}..{}", next, c.m_min,
                  c.m_max);
    if (c.kernel < 0 || static_cast<size_t>(c.kernel) >= m.kernels.size())
      return fail(refused, "kernel {} of {}", c.kernel, m.kernels.size());
    BITNET_CHECK(check_shape(m.kernels[static_cast<size_t>(c.kernel)], p));
    if (c.m_max == kAnyTokens && &c != &record.classes.back())
      return fail(refused, "a token class follows the last one");
    next = c.m_max == kAnyTokens ? kAnyTokens : c.m_max + 1;
  }
  if (next != kAnyTokens) return fail(refused, "no kernel for {} tokens", next);
  return {};
}

}  // namespace

std::string cache_digest(std::span<const std::byte> file, size_t digest_offset) {
  static constexpr char kZeros[kDigestDigits + 1] = "00000000000000000000000000000000";
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, file.data(), digest_offset);
  XXH3_128bits_update(&state, kZeros, kDigestDigits);
  const auto rest = file.subspan(digest_offset + kDigestDigits);
  XXH3_128bits_update(&state, rest.data(), rest.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Result<Manifest> vet_cache(std::span<const std::byte> file, const IsaSet& isa,
                           const std::string& shapes, std::string_view architecture) {
  BITNET_TRY(const ElfLayout elf, vet_elf(file, architecture));
  if (elf.note_bytes > kMostManifestBytes)
    return fail(refused, "manifest of {} bytes, at most {} are read", elf.note_bytes,
                kMostManifestBytes);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + elf.note_offset,
                              elf.note_bytes);
  BITNET_CHECK(check_digest(file, text, elf.note_offset));
  BITNET_TRY(Manifest manifest, parse_manifest(text));
  BITNET_CHECK(check_safety(manifest, architecture, isa, shapes));
  for (const KernelRecord& kernel : manifest.kernels) {
    if (auto r = check_kernel(elf, kernel, isa); !r) return in(kernel.name, std::move(r.error()));
  }
  for (const PlanRecord& plan : manifest.plans) {
    if (plan.threads < 1) return fail(refused, "a plan for {} threads", plan.threads);
    for (const ProblemRecord& problem : plan.problems) {
      if (auto r = check_problem(manifest, problem); !r)
        return in(describe(problem.problem), std::move(r.error()));
    }
  }
  return manifest;
}

}  // namespace bitnet
