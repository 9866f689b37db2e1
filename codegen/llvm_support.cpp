#include "codegen/llvm_support.h"

#include <llvm-c/Target.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/ErrorHandling.h>

#include <mutex>
#include <new>
#include <stdexcept>

#include "codegen/codegen.h"

// Declared in a header that libLLVM exports but llvm-c does not list.
extern "C" {
void LLVMInitializeX86TargetMCA();
}

namespace bitnet::codegen {
namespace {

// LLVM aborts the process where it finds no memory or itself in a corner. Its frames have unwinding
// tables, so an exception leaves them as it leaves those of operator new; whoever calls us makes an
// error of it.
void on_no_memory(void*, const char*, bool) { throw std::bad_alloc(); }
void on_fatal_error(void*, const char* reason, bool) { throw std::runtime_error(reason); }

}  // namespace

void initialise_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::install_bad_alloc_error_handler(on_no_memory);
    llvm::install_fatal_error_handler(on_fatal_error);
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMInitializeX86Disassembler();
    LLVMInitializeX86TargetMCA();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
    LLVMInitializeAArch64Disassembler();
  });
}

Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine(const llvm::Module& module) {
  initialise_targets();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(module.getTargetTriple(), error);
  if (target == nullptr)
    return fail(Error::Kind::unsupported, "{}: {}", module.getTargetTriple(), error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // -ffp-contract=off, as everywhere
  options.LoopAlignment = 64;  // as the built-in kernels have it: cmake/isa.cmake
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(module.getTargetTriple(), "", "", options, llvm::Reloc::PIC_,
                                  std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

std::string llvm_version() { return LLVM_VERSION_STRING; }

}  // namespace bitnet::codegen
