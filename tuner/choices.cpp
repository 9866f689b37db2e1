#include "tuner/choices.h"

#include "codegen/codegen.h"

namespace bitnet::tuner {

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
                     .distance = 1};
  }
  return std::nullopt;
}

}  // namespace bitnet::tuner
