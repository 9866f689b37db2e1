#include "tuner/setup.h"

#include <filesystem>

#include "runtime/cpu/topology.h"
#include "runtime/kernel/cache_path.h"
#include "tuner/cache_file.h"

namespace bitnet::tuner {
namespace {

void say_all(const std::vector<std::string>& notices, Listener& listener) {
  for (const std::string& notice : notices) listener.say("note: " + notice);
}

Result<void> read_model(const TuneOptions& options, Listener& listener, Setup& setup) {
  BITNET_TRY(setup.model, ModelFile::open(options.model, options.file));
  say_all(setup.model.notices, listener);
  setup.problems = setup.model.problems();
  return {};
}

Result<void> read_preset(const TuneOptions& options, Setup& setup) {
  BITNET_TRY(setup.preset, find_preset(options.preset));
  if (options.max_trials) setup.preset.candidates = *options.max_trials;
  if (options.budget_seconds) setup.preset.budget_seconds = *options.budget_seconds;
  return {};
}

// The machine, the levels that may be used, the templates that they have.
Result<void> look_around(const TuneOptions& options, Setup& setup) {
  setup.threads = options.threads > 0 ? options.threads : default_thread_count();
  const IsaSet proved = proved_isa();
  setup.machine = this_machine(proved);
  setup.isa = options.isa ? proved.limited_to(*options.isa) : proved;
  if (options.isa && !setup.isa.has(*options.isa))
    return fail(Error::Kind::unsupported, "--isa {}: this CPU has only {}", name(*options.isa),
                setup.machine.isa_levels);
  setup.levels = search_levels(setup.isa, codegen::templates());
  if (setup.levels.empty())
    return fail(Error::Kind::unsupported, "no kernel template for any of {}",
                setup.machine.isa_levels);
  return {};
}

Result<void> find_files(const TuneOptions& options, Listener& listener, Setup& setup) {
  const std::string usual = default_cache_path(setup.machine, shape_digest(setup.problems));
  setup.cache_path = options.output.empty() ? usual : options.output;
  if (setup.cache_path.empty())
    return fail(Error::Kind::not_found,
                "neither XDG_CACHE_HOME nor HOME names a folder for kernel caches: use -o FILE");
  BITNET_CHECK(options.output.empty()
                   ? check_usual_cache(setup.cache_path)
                   : check_cache_output(setup.cache_path,
                                        {.inputs = {options.model}, .force = options.force}));
  std::string folder = options.memory_folder;
  if (folder.empty() && !usual.empty())
    folder = std::filesystem::path(usual).parent_path().string();
  std::vector<std::string> notices;
  setup.memory = Memory::open(folder, setup.machine.id(), notices);
  say_all(notices, listener);
  return {};
}

}  // namespace

Result<Setup> set_up(const TuneOptions& options, Listener& listener) {
  Setup setup;
  BITNET_CHECK(read_model(options, listener, setup));
  BITNET_CHECK(read_preset(options, setup));
  BITNET_CHECK(look_around(options, setup));
  BITNET_CHECK(find_files(options, listener, setup));
  return setup;
}

}  // namespace bitnet::tuner
