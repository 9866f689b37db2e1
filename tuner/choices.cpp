#include "tuner/choices.h"

namespace bitnet::tuner {

Record choice_record(RecordKey key, const Candidate& winner, const Retimed& timed,
                     const std::string& preset, int tried) {
  Record record{.kind = RecordKind::choice, .key = std::move(key)};
  record.key.kernel = to_string(winner.name);
  record.key.kernel_hash = winner.hash;
  record.nanoseconds = 1e9 * timed.seconds;
  record.ratio = timed.ratio.ratio;
  record.error = timed.ratio.error;
  record.samples = timed.ratio.samples;
  record.preset = preset;
  record.roof_share = timed.roof_share;
  record.builtin_nanoseconds = 1e9 * timed.builtin_seconds;
  record.candidates = tried;
  return record;
}

std::optional<Candidate> candidate_of(const Record& record, const IsaSet& isa) {
  const auto name = parse_kernel_name(record.key.kernel);
  if (!name) return std::nullopt;
  for (const codegen::Template& t : codegen::templates()) {
    if (t.kernel != name->kernel || t.packing != name->packing || t.isa != name->isa) continue;
    if (t.hash != record.key.kernel_hash || !isa.has(t.isa)) return std::nullopt;
    return Candidate{.name = *name,
                     .packing_key = packing_key(*name),
                     .form = t.form,
                     .hash = t.hash,
                     .m_min = t.m_min,
                     .m_max = t.m_max,
                     .complexity = 1};
  }
  return std::nullopt;
}

}  // namespace bitnet::tuner
