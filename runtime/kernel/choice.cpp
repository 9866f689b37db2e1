#include "runtime/kernel/choice.h"

#include <algorithm>
#include <cassert>
#include <set>

#include "runtime/kernel/cache_path.h"
#include "runtime/kernel/fits.h"

namespace bitnet {
namespace {

// The source's answer, refused where the accumulators of a kernel are not proved for the problem's
// K.
Result<ProblemKernels> ask(const KernelSource& source, const Problem& problem) {
  BITNET_TRY(ProblemKernels found, source.find(problem));
  for (const ClassKernel& kernel : found.classes)
    BITNET_CHECK(fits(to_string(kernel.name), kernel.sizes, problem));
  return found;
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
    if (auto cache = open_cache(problems, search)) {
      add(std::move(*cache));
    } else {
      remark = "; " + cache.error().message;
      if (!search.cache_path.empty()) chosen.cache_warning = cache.error().message;
    }
  } else if (!search.cache_path.empty()) {
    chosen.cache_warning =
        fmt::format("cache not used: {}: other kernels were asked for", search.cache_path);
  }
  if (search.builtin) add(make_builtin_source(search.isa));
  add(make_reference_source());

  std::vector<const KernelSource*> used;
  std::set<const KernelSource*> refused;  // one reason of each is enough for a line
  for (const Problem& problem : problems)
    for (const KernelSource* source : order) {
      Result<ProblemKernels> kernels = ask(*source, problem);
      if (!kernels) {
        if (refused.insert(source).second) remark += "; " + kernels.error().message;
        continue;
      }
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
