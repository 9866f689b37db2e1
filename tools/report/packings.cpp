#include "tools/report/packings.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "runtime/kernel/fits.h"
#include "tuner/candidates.h"

namespace bitnet::report {
namespace {

template <typename Wanted>
std::vector<std::string> packings_where(const Wanted& wanted) {
  std::vector<std::string> packings;
  for (const codegen::Template& t : codegen::templates())
    if (wanted(t) && std::ranges::find(packings, t.packing) == packings.end())
      packings.push_back(t.packing);
  return packings;
}

// "t2_r32" is a layout of "t2".
bool is_layout_of(const std::string& key, const std::string& packing) {
  return key == packing || key.starts_with(packing + "_");
}

}  // namespace

std::vector<std::string> packings_of(const IsaSet& isa) {
  return packings_where([&](const codegen::Template& t) { return isa.has(t.isa); });
}
std::vector<std::string> packings_of_catalogue() {
  return packings_where([](const codegen::Template&) { return true; });
}

tuner::PackingReport best_of(const std::vector<tuner::PackingReport>& rows,
                             const std::string& packing, const Problem& problem,
                             const tuner::TokenClass& of_class) {
  tuner::PackingReport best{.packing = packing, .reason = "the search has no row of it"};
  bool any = false;
  const auto rank = [](const tuner::PackingReport& row) {
    return std::tuple(row.kernel.empty(), row.over_chosen, row.nanoseconds);
  };
  for (const tuner::PackingReport& row : rows) {
    if (row.problem != problem || row.tokens != label(of_class) ||
        !is_layout_of(row.packing, packing))
      continue;
    if (!any || rank(row) < rank(best)) best = row;
    any = true;
  }
  return best;
}

PackingKernels::PackingKernels(const IsaSet& isa, std::unique_ptr<codegen::Jit> jit)
    : isa_(isa), jit_(std::move(jit)), store_(std::make_unique<tuner::KernelStore>(*jit_)) {}

Result<PackingKernels> PackingKernels::create(const IsaSet& isa) {
  BITNET_TRY(std::unique_ptr<codegen::Jit> jit, codegen::Jit::create());
  return PackingKernels(isa, std::move(jit));
}

Result<ClassKernel> PackingKernels::kernel(const std::string& name, const Problem& problem) {
  BITNET_TRY(const KernelName parsed, parse_kernel_name(name));
  return make(parsed, problem);
}

Result<ClassKernel> PackingKernels::make(const KernelName& name, const Problem& problem) {
  const std::string text = to_string(name);
  const codegen::Template* from = codegen::find_template(name);
  if (from == nullptr) return fail(Error::Kind::not_found, "{}: no such template", text);
  BITNET_TRY(const tuner::KernelStore::Loaded loaded,
             store_->get({.name = name, .n = 0, .k = 0, .group = problem.group}));
  BnFacts facts{};
  loaded.functions.facts(problem.group, &facts);
  BITNET_CHECK(fits(text, facts));
  ClassKernel kernel{.m_min = from->m_min,
                     .m_max = from->m_max,
                     .name = name,
                     .packing_key = tuner::packing_key(name),
                     .form = from->form,
                     .sizes = {},
                     .functions = loaded.functions};
  kernel.functions.sizes(problem.n, problem.k, problem.group, &kernel.sizes);
  BITNET_CHECK(fits(text, kernel.sizes, problem));
  return kernel;
}

Result<void> PackingKernels::fits_some(const std::string& packing, const Problem& problem,
                                       const tuner::TokenClass& of_class) {
  const auto& templates = codegen::templates();
  const std::vector<Isa> levels = tuner::search_levels(isa_, templates);
  Result<void> reason =
      fail(Error::Kind::unsupported, "no kernel over {} for {} tokens", packing, label(of_class));
  const tuner::Candidates all =
      tuner::candidates(templates, levels, of_class, {}, std::numeric_limits<size_t>::max(),
                        /*place=*/{}, {&problem, 1});
  for (const tuner::Candidate& c : all.kept) {
    if (c.name.packing != packing) continue;
    const auto made = make(c.name, problem);
    if (made || made.error().kind != Error::Kind::unsupported) return {};
    reason = std::unexpected(made.error());
  }
  return reason;
}

}  // namespace bitnet::report
