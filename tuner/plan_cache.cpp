#include "tuner/plan_cache.h"

#include <algorithm>

#include "runtime/kernel/cache.h"

namespace bitnet::tuner {
namespace {

// Objects and their records, each kernel of a shape once.
class Contents {
 public:
  int add(const codegen::Object& object, KernelRecord record) {
    const std::string prefix = codegen::symbol_prefix(object.spec);
    const auto known = std::ranges::find(prefixes_, prefix);
    if (known != prefixes_.end()) return static_cast<int>(known - prefixes_.begin());
    prefixes_.push_back(prefix);
    objects_.push_back(object);
    manifest_.kernels.push_back(std::move(record));
    return static_cast<int>(prefixes_.size()) - 1;
  }

  Manifest& manifest() { return manifest_; }
  const std::vector<codegen::Object>& objects() const { return objects_; }

 private:
  std::vector<std::string> prefixes_;
  std::vector<codegen::Object> objects_;
  Manifest manifest_;
};

std::string template_hash(const KernelName& name) {
  const codegen::Template* found = codegen::find_template(name);
  return found == nullptr ? "" : found->hash;
}

int add_kernel(const Compiled& kernel, Contents& contents) {
  const KernelName& name = kernel.object->spec.name;
  return contents.add(*kernel.object, {.name = to_string(name),
                                       .template_hash = template_hash(name),
                                       .packing_key = kernel.candidate.packing_key,
                                       .form = kernel.candidate.form,
                                       .sizes = kernel.sizes,
                                       .symbol_prefix = {}});
}

ClassRecord record_class(const TokenClass& c, const PlanEntry& entry, Contents& contents) {
  return {.m_min = c.m_min,
          .m_max = c.m_max,
          .kernel = add_kernel(*entry.kernel, contents),
          .nanoseconds = 1e9 * entry.timed.seconds,
          .builtin_nanoseconds = 1e9 * entry.timed.builtin_seconds,
          .roof_share = entry.timed.roof_share};
}

PlanRecord record_plan(const Plan& plan, Contents& contents) {
  PlanRecord record{.threads = plan.threads, .objective = plan.objective, .problems = {}};
  for (size_t p = 0; p < plan.problems.size(); ++p) {
    if (!plan.has(p)) continue;
    ProblemRecord& out =
        record.problems.emplace_back(ProblemRecord{.problem = plan.problems[p], .classes = {}});
    for (size_t c = 0; c < plan.classes.size(); ++c)
      out.classes.push_back(record_class(plan.classes[c], plan.entries[c][p], contents));
  }
  return record;
}

// A plan of the old file again, its kernels specialised anew from the same templates: an old plan
// knows how much scratch and packed memory the old code wants, not what today's does.
Result<PlanRecord> revive(const Manifest& old, const PlanRecord& plan, Contents& contents) {
  PlanRecord record = plan;
  for (ProblemRecord& problem : record.problems) {
    for (ClassRecord& c : problem.classes) {
      if (c.kernel < 0 || static_cast<size_t>(c.kernel) >= old.kernels.size()) {
        return fail(Error::Kind::invalid, "kernel {} of {}", c.kernel, old.kernels.size());
      }
      const KernelRecord& kernel = old.kernels[static_cast<size_t>(c.kernel)];
      BITNET_TRY(KernelName name, parse_kernel_name(kernel.name));
      const std::string hash = template_hash(name);
      if (hash.empty() || hash != kernel.template_hash)
        return fail(Error::Kind::unsupported, "the code of {} has changed since", kernel.name);
      BITNET_TRY(codegen::Object object, codegen::specialise({.name = std::move(name),
                                                              .n = problem.problem.n,
                                                              .k = problem.problem.k,
                                                              .group = problem.problem.group}));
      c.kernel = contents.add(object, {.name = kernel.name,
                                       .template_hash = hash,
                                       .packing_key = kernel.packing_key,
                                       .form = kernel.form,
                                       .sizes = kernel.sizes,
                                       .symbol_prefix = {}});
    }
  }
  return record;
}

void keep_other_plans(std::span<const std::byte> previous, const IsaSet& isa,
                      const std::string& shapes, const Plan& plan, Contents& contents,
                      std::vector<std::string>& notices) {
  if (previous.empty()) return;
  const auto old = vet_cache(previous, isa, shapes);
  if (!old) {
    notices.push_back(fmt::format("the old cache is replaced: {}", old.error().message));
    return;
  }
  for (const PlanRecord& other : old->plans) {
    if (other.threads == plan.threads && other.objective == plan.objective) continue;
    auto revived = revive(*old, other, contents);
    if (revived) contents.manifest().plans.push_back(std::move(*revived));
    if (!revived) {
      notices.push_back(fmt::format("the plan for {} threads is dropped: {}", other.threads,
                                    revived.error().message));
    }
  }
}

}  // namespace

Result<std::vector<std::byte>> link_plan(const Plan& plan, const Machine& machine,
                                         const IsaSet& isa, const std::vector<Problem>& problems,
                                         std::span<const std::byte> previous,
                                         std::vector<std::string>& notices) {
  Contents contents;
  Manifest& manifest = contents.manifest();
  manifest.shapes = shape_digest(problems);
  manifest.plans.push_back(record_plan(plan, contents));
  keep_other_plans(previous, isa, manifest.shapes, plan, contents, notices);
  manifest.tool_version = BITNET_VERSION;
  manifest.machine = machine;
  return codegen::link_cache(contents.objects(), manifest);
}

}  // namespace bitnet::tuner
