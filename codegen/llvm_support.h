// What every file of this room needs of LLVM: targets set up once, a target machine for a triple,
// llvm::Error turned into ours, what happens without memory. Included by sources of codegen/ only.
#pragma once

#include <llvm/IR/Module.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/Error.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <string_view>

#include "runtime/base/result.h"

namespace bitnet::codegen {

// While one lives, its thread runs LLVM's code, which is built without exceptions: one that passes
// through leaves locks taken and contexts half made, and destroying those crashed. So where LLVM
// finds no memory or itself in a corner, std::terminate is called, with std::bad_alloc or a
// std::runtime_error that has LLVM's reason as the current exception; a program's terminate handler
// may say so. Every function of codegen.h that calls LLVM begins with one.
class InsideLlvm {
 public:
  InsideLlvm();
  ~InsideLlvm();
  InsideLlvm(const InsideLlvm&) = delete;
  InsideLlvm& operator=(const InsideLlvm&) = delete;
};

// X86 and AArch64: back ends, disassemblers, MCA. Thread-safe, the first call does the work.
void initialise_targets();

// Empty CPU and features: the functions of a template carry their own, and the back end obeys
// those.
Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine(const llvm::Module& module);

inline std::string_view view(llvm::StringRef text) { return {text.data(), text.size()}; }

inline Error to_error(llvm::Error error) {
  return Error{Error::Kind::invalid, llvm::toString(std::move(error))};
}

// Result of an llvm::Expected.
template <typename T>
Result<T> to_result(llvm::Expected<T> expected) {
  if (!expected) return std::unexpected(to_error(expected.takeError()));
  return std::move(*expected);
}

// "x86_64" or "aarch64", as manifests spell it.
inline std::string_view architecture_of(const llvm::Triple& triple) {
  return triple.isAArch64() ? "aarch64" : "x86_64";
}

}  // namespace bitnet::codegen
