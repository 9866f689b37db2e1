#include "tuner/memory.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/base/atomic_file.h"
#include "runtime/base/output_check.h"
#include "tuner/folder_lock.h"
#include "tuner/presets.h"
#include "tuner/trials_log.h"

namespace bitnet::tuner {
namespace {

std::string trials_path(const std::string& folder) { return folder + "/trials.log"; }
std::string wisdom_path(const std::string& folder) { return folder + "/wisdom"; }

}  // namespace

Memory Memory::open(const std::string& folder, const std::string& machine,
                    std::vector<std::string>& notices) {
  Memory memory;
  memory.folder_ = folder;
  memory.machine_ = machine;
  if (folder.empty()) return memory;
  const std::string path = wisdom_path(folder);
  std::error_code none;
  const bool readable = std::filesystem::is_regular_file(path, none);  // a FIFO would be waited for
  if (std::ifstream file(path, std::ios::binary); readable && file) {
    std::ostringstream text;
    text << file.rdbuf();
    auto wisdom = parse_wisdom(text.view(), path, machine);
    if (wisdom) {
      memory.wisdom_ = std::move(*wisdom);
      return memory;
    }
    notices.push_back(wisdom.error().message + ": derived again from the trials log");
  }
  auto trials = read_trials(trials_path(folder));
  if (!trials) {
    notices.push_back(trials.error().message);
    return memory;
  }
  notices.insert(notices.end(), trials->notices.begin(), trials->notices.end());
  memory.wisdom_ = derive_wisdom(trials->records, machine);
  return memory;
}

const Record* Memory::choice(const RecordKey& asked, const std::string& preset) const {
  const auto found = wisdom_.find(question(asked));
  if (found == wisdom_.end() || effort(found->second.preset) < effort(preset)) return nullptr;
  return &found->second;
}

Result<void> Memory::remember(std::span<const Record> records) {
  if (folder_.empty()) return {};
  std::error_code ignored;  // the open below says what is wrong
  std::filesystem::create_directories(folder_, ignored);
  return append_trials(trials_path(folder_), records);
}

Result<void> Memory::save_wisdom() {
  if (folder_.empty()) return {};
  const OutputKind kind{.name = "a file of wisdom", .recognises = looks_like_wisdom};
  BITNET_CHECK(check_output(wisdom_path(folder_), kind, {}));
  // From the log, not from what we read at the start: another tuner may have appended meanwhile,
  // and may be about to write its own.
  [[maybe_unused]] const auto lock = FolderLock::take(folder_);  // a loss is mended by the next
  BITNET_TRY(TrialsRead trials, read_trials(trials_path(folder_)));
  wisdom_ = derive_wisdom(trials.records, machine_);
  const std::string text = to_text(wisdom_, machine_);
  return write_file_atomically(wisdom_path(folder_), std::as_bytes(std::span(text)));
}

}  // namespace bitnet::tuner
