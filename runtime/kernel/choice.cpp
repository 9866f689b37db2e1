#include "runtime/kernel/choice.h"

#include <algorithm>
#include <cassert>
#include <optional>

namespace bitnet {
namespace {

// A source that answers for a problem whose K its accumulators were not proved for has no kernel
// for it.
std::optional<ProblemKernels> ask(const KernelSource& source, const Problem& problem) {
  std::optional<ProblemKernels> found = source.find(problem);
  if (!found || found->classes.empty()) return std::nullopt;
  const bool exact = std::ranges::all_of(
      found->classes, [&](const ClassKernel& kernel) { return problem.k <= kernel.sizes.exact_k; });
  return exact ? std::move(found) : std::nullopt;
}

// The cache for these shapes, or why there is none.
Result<std::unique_ptr<LoadedCache>> open_cache(const std::vector<Problem>& problems,
                                                const KernelSearch& search) {
  const std::string shapes = shape_digest(problems);
  const Machine machine = this_machine(search.isa);
  std::string path = search.cache_path;
  if (path.empty()) {
    std::optional<std::string> found = find_cache(machine, shapes);
    if (!found) return fail(Error::Kind::not_found, "not tuned: bitnet-tune makes them faster");
    path = std::move(*found);
  }
  auto loaded = LoadedCache::load(path, search.isa, shapes, search.threads, search.how, machine);
  if (!loaded) return fail(loaded.error().kind, "cache not used: {}", loaded.error().message);
  return loaded;
}

}  // namespace

ChosenKernels choose_kernels(const std::vector<Problem>& problems, const KernelSearch& search) {
  ChosenKernels chosen;
  std::string remark;
  std::vector<const KernelSource*> order;
  if (search.first != nullptr) order.push_back(search.first);
  const auto add = [&](std::unique_ptr<KernelSource> source) {
    order.push_back(source.get());
    chosen.sources.push_back(std::move(source));
  };
  if (search.cache) {
    if (auto cache = open_cache(problems, search))
      add(std::move(*cache));
    else
      remark = "; " + cache.error().message;
  }
  if (search.builtin) add(make_builtin_source(search.isa));
  add(make_reference_source());

  std::vector<const KernelSource*> used;
  for (const Problem& problem : problems)
    for (const KernelSource* source : order)
      if (std::optional<ProblemKernels> kernels = ask(*source, problem)) {
        chosen.of_problem.push_back(std::move(*kernels));
        used.push_back(source);
        break;
      }
  assert(chosen.of_problem.size() == problems.size() && "the reference answers everything");

  for (const KernelSource* source : order) {
    const auto count = std::ranges::count(used, source);
    if (count == 0) continue;
    if (!chosen.line.empty()) chosen.line += ", ";
    chosen.line += source->describe();
    if (count < std::ssize(problems))
      chosen.line += fmt::format(" for {} of {} problems", count, problems.size());
  }
  chosen.line += remark;
  return chosen;
}

}  // namespace bitnet
