// Objects into this process, for the search: the kernel that is timed is byte for byte the kernel
// that a cache will hold.

#include <llvm/ExecutionEngine/Orc/LLJIT.h>

#include <map>
#include <mutex>

#include "codegen/codegen.h"
#include "codegen/llvm_support.h"

namespace bitnet::codegen {
namespace {

using enum Error::Kind;

class OrcJit final : public Jit {
 public:
  explicit OrcJit(std::unique_ptr<llvm::orc::LLJIT> jit) : jit_(std::move(jit)) {}
  ~OrcJit() override {
    const InsideLlvm inside;
    jit_.reset();
  }

  Result<KernelFunctions> load(const Object& object) override {
    const InsideLlvm inside;
    const std::string prefix = symbol_prefix(object.spec);
    const std::scoped_lock lock(mutex_);
    if (libraries_.contains(prefix)) return fail(invalid, "{}: loaded already", prefix);
    // A library an object, so that each can be unloaded alone.
    auto library = jit_->createJITDylib(prefix);
    if (!library) return in(prefix, to_error(library.takeError()));
    auto tracker = library->createResourceTracker();
    const llvm::StringRef bytes(reinterpret_cast<const char*>(object.bytes.data()),
                                object.bytes.size());
    if (auto error =
            jit_->addObjectFile(tracker, llvm::MemoryBuffer::getMemBufferCopy(bytes, prefix)))
      return in(prefix, to_error(std::move(error)));
    libraries_.emplace(prefix, &*library);
    auto functions = look_up(*library, prefix);
    if (!functions) remove(prefix);
    return functions;
  }

  void unload(const Object& object) override {
    const InsideLlvm inside;
    const std::scoped_lock lock(mutex_);
    remove(symbol_prefix(object.spec));
  }

 private:
  Result<KernelFunctions> look_up(llvm::orc::JITDylib& library, const std::string& prefix) {
    KernelFunctions f;
    std::string missing;
    const auto symbol = [&]<typename Function>(Function*& function, const char* suffix) {
      auto found = jit_->lookup(library, prefix + suffix);
      if (found) {
        function = found->toPtr<Function*>();
      } else {
        const std::string reason = llvm::toString(found.takeError());
        if (missing.empty()) missing = reason;
      }
    };
    symbol(f.facts, "_facts");
    symbol(f.sizes, "_sizes");
    symbol(f.pack, "_pack");
    symbol(f.prepare, "_prepare");
    symbol(f.run, "_run");
    if (!missing.empty()) return fail(invalid, "{}: {}", prefix, missing);
    return f;
  }

  void remove(const std::string& prefix) {
    const auto found = libraries_.find(prefix);
    if (found == libraries_.end()) return;
    llvm::consumeError(jit_->getExecutionSession().removeJITDylib(*found->second));
    libraries_.erase(found);
  }

  std::mutex mutex_;
  std::unique_ptr<llvm::orc::LLJIT> jit_;
  std::map<std::string, llvm::orc::JITDylib*> libraries_;  // by symbol prefix
};

}  // namespace

Result<std::unique_ptr<Jit>> Jit::create() {
  const InsideLlvm inside;
  initialise_targets();
  BITNET_TRY(auto jit, to_result(llvm::orc::LLJITBuilder().create()));
  // Errors reach us as values too; the session would print them as well.
  jit->getExecutionSession().setErrorReporter(
      [](llvm::Error error) { llvm::consumeError(std::move(error)); });
  return std::unique_ptr<Jit>(std::make_unique<OrcJit>(std::move(jit)));
}

}  // namespace bitnet::codegen
