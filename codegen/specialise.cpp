// Bitcode + constants -> O3 -> object: 11 ms of a quiet core for a bare loop, some 50 for gemv with
// its packing and epilogues, 100 to 150 for small and batch; the same instructions as clang makes
// of the same template with macros (a golden test compares them).

#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/DebugInfo.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Passes/PassBuilder.h>

#include <algorithm>
#include <array>

#include "codegen/bitcode.h"
#include "codegen/check.h"
#include "codegen/codegen.h"
#include "codegen/llvm_support.h"
#include "codegen/machine_code.h"
#include "runtime/base/xxh3.h"

namespace bitnet::codegen {
namespace {

using enum Error::Kind;

// The functions of a template, by the end of their names.
constexpr std::array<std::string_view, 5> kEntries = {"facts", "sizes", "pack", "prepare", "run"};
constexpr std::string_view kParameterPrefix = "P_";

// Errors and frame sizes reach us as diagnostics of the context.
struct Diagnostics final : llvm::DiagnosticHandler {
  std::string error;
  int64_t largest_frame = 0;

  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (const auto* stack = llvm::dyn_cast<llvm::DiagnosticInfoStackSize>(&info)) {
      largest_frame = std::max(largest_frame, static_cast<int64_t>(stack->getStackSize()));
    } else if (info.getSeverity() == llvm::DS_Error && error.empty()) {
      llvm::raw_string_ostream stream(error);
      llvm::DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
    }
    return true;
  }
};

// One job: its own context, so that jobs run side by side.
class Specialiser {
 public:
  explicit Specialiser(const Spec& spec) : spec_(spec) {
    auto handler = std::make_unique<Diagnostics>();
    diagnostics_ = handler.get();
    context_.setDiagnosticHandler(std::move(handler));
  }

  Result<Object> run(std::string_view bitcode) {
    BITNET_TRY(module_,
               to_result(llvm::parseBitcodeFile(
                   llvm::MemoryBufferRef({bitcode.data(), bitcode.size()}, "template"), context_)));
    BITNET_CHECK(set_parameters());
    BITNET_CHECK(name_entries());
    BITNET_TRY(machine_, make_target_machine(*module_));
    BITNET_CHECK(set_attributes());
    optimise();
    BITNET_CHECK(check_module(*module_));
    return emit();
  }

 private:
  Result<void> set_parameters() {
    std::vector<std::pair<std::string, int64_t>> values = spec_.name.parameters;
    values.emplace_back("N", spec_.n);
    values.emplace_back("K", spec_.k);
    values.emplace_back("G", spec_.group);
    for (llvm::GlobalVariable& global : module_->globals()) {
      if (!global.isDeclaration() || !global.getName().starts_with(kParameterPrefix.data()))
        continue;
      const std::string name = global.getName().substr(kParameterPrefix.size()).str();
      const auto found = std::ranges::find(values, name, [](const auto& v) { return v.first; });
      if (found == values.end()) return fail(invalid, "parameter {} has no value", name);
      auto* type = llvm::dyn_cast<llvm::IntegerType>(global.getValueType());
      if (type == nullptr || !llvm::isIntN(type->getBitWidth(), found->second))
        return fail(invalid, "parameter {}={} does not fit its type", name, found->second);
      global.setInitializer(llvm::ConstantInt::getSigned(type, found->second));
      global.setLinkage(llvm::GlobalValue::InternalLinkage);
      global.setConstant(true);
    }
    return {};
  }

  // <prefix>_run and its like are what the object shows; everything else is internal and will be
  // inlined.
  Result<void> name_entries() {
    std::array<llvm::Function*, kEntries.size()> found{};
    for (llvm::Function& function : *module_) {
      if (function.isDeclaration() || function.hasLocalLinkage()) continue;
      const std::string_view name = view(function.getName());
      const std::string_view last = name.substr(name.rfind('_') + 1);
      const auto entry = std::ranges::find(kEntries, last);
      if (entry == kEntries.end()) return fail(invalid, "unknown function {}", name);
      llvm::Function*& slot = found[static_cast<size_t>(entry - kEntries.begin())];
      if (slot != nullptr)
        return fail(invalid, "two functions {} and {}", view(slot->getName()), name);
      slot = &function;
    }
    for (size_t i = 0; i < kEntries.size(); ++i) {
      if (found[i] == nullptr) return fail(invalid, "the template has no function {}", kEntries[i]);
      found[i]->setName(symbol_prefix(spec_) + "_" + std::string(kEntries[i]));
      found[i]->setVisibility(llvm::GlobalValue::DefaultVisibility);
      found[i]->setDSOLocal(true);
      // Its offset in the file changes with its neighbours: without this its timing could, too.
      found[i]->setAlignment(llvm::Align(64));
    }
    return {};
  }

  Result<void> set_attributes() {
    for (llvm::Function& function : *module_) {
      if (function.isDeclaration()) continue;
      if (function.hasFnAttribute(llvm::Attribute::OptimizeNone))
        return fail(invalid, "the template was compiled with -O0");
      function.addFnAttr("warn-stack-size", "0");  // reports every frame
    }
    return {};
  }

  // clang -O3's pipeline: what it switches on beside the defaults, and no library functions
  // (-ffreestanding).
  void optimise() {
    llvm::PipelineTuningOptions tuning;
    tuning.LoopVectorization = tuning.SLPVectorization = true;
    tuning.LoopInterleaving = tuning.LoopUnrolling = true;
    llvm::PassBuilder builder(machine_.get(), tuning);
    llvm::LoopAnalysisManager loops;
    llvm::FunctionAnalysisManager functions;
    llvm::CGSCCAnalysisManager components;
    llvm::ModuleAnalysisManager modules;
    functions.registerPass([&] { return llvm::TargetLibraryAnalysis(no_library()); });
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(components);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, components, modules);
    builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(*module_, modules);
  }

  llvm::TargetLibraryInfoImpl no_library() const {
    llvm::TargetLibraryInfoImpl library{llvm::Triple(module_->getTargetTriple())};
    library.disableAllFunctions();
    return library;
  }

  Result<Object> emit() {
    llvm::SmallVector<char, 0> buffer;
    llvm::raw_svector_ostream stream(buffer);
    llvm::legacy::PassManager passes;
    passes.add(new llvm::TargetLibraryInfoWrapperPass(no_library()));
    if (machine_->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
      return fail(unsupported, "{}: no object files", module_->getTargetTriple());
    passes.run(*module_);
    if (!diagnostics_->error.empty()) return fail(invalid, "{}", diagnostics_->error);

    Object object{.spec = spec_, .bytes = {}, .report = {}};
    const auto* data = reinterpret_cast<const std::byte*>(buffer.data());
    object.bytes.assign(data, data + buffer.size());
    BITNET_TRY(object.report, report_of(object));
    object.report.stack_bytes = diagnostics_->largest_frame;
    return object;
  }

  const Spec& spec_;
  llvm::LLVMContext context_;
  Diagnostics* diagnostics_ = nullptr;  // the context owns it
  std::unique_ptr<llvm::Module> module_;
  std::unique_ptr<llvm::TargetMachine> machine_;
};

}  // namespace

std::string symbol_prefix(const Spec& spec) {
  return fmt::format("{}_{}x{}{}", to_string(spec.name), spec.n, spec.k,
                     spec.group < 0 ? "" : fmt::format("g{}", spec.group));
}

Result<Object> specialise_bitcode(std::string_view bitcode, const Spec& spec) {
  const InsideLlvm inside;
  initialise_targets();
  auto object = Specialiser(spec).run(bitcode);
  if (!object) return in(to_string(spec.name), std::move(object.error()));
  return object;
}

Result<std::string> bitcode_hash(std::string_view bitcode) {
  const InsideLlvm inside;
  llvm::LLVMContext context;
  BITNET_TRY(const std::unique_ptr<llvm::Module> module,
             to_result(llvm::parseBitcodeFile(
                 llvm::MemoryBufferRef({bitcode.data(), bitcode.size()}, "template"), context)));
  llvm::StripDebugInfo(*module);
  module->setSourceFileName("");
  module->setModuleIdentifier("");
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::WriteBitcodeToFile(*module, stream);
  return fmt::format("{:016x}", static_cast<uint64_t>(XXH3_64bits(text.data(), text.size())));
}

}  // namespace bitnet::codegen
