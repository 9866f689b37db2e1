#include "codegen/llvm_support.h"

#include <llvm-c/Target.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/ErrorHandling.h>

#include <exception>
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

// How many InsideLlvm this thread is in.
thread_local int depth = 0;

// std::terminate, with an exception that its handler can ask why.
template <typename Exception>
[[noreturn]] void end_by(const Exception& exception) {
  try {
    throw exception;
  } catch (...) {
    std::terminate();
  }
}

// What operator new calls where it finds no memory.
void on_no_memory() {
  if (depth > 0) end_by(std::bad_alloc());
  throw std::bad_alloc();
}

// libLLVM's constructors are its code, too. They run after .preinit_array and before our statics.
void at_start() {
  depth = 1;
  std::set_new_handler(on_no_memory);
  llvm::install_bad_alloc_error_handler([](void*, const char*, bool) { end_by(std::bad_alloc()); });
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const kAtStart)() = at_start;
[[maybe_unused]] const bool kIsLlvmStarted = [] { return depth = 0, true; }();

void install_handlers() {
  llvm::install_fatal_error_handler(
      [](void*, const char* reason, bool) { end_by(std::runtime_error(reason)); });
}

}  // namespace

InsideLlvm::InsideLlvm() {
  static std::once_flag once;
  std::call_once(once, install_handlers);
  ++depth;
}
InsideLlvm::~InsideLlvm() { --depth; }

void initialise_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
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
