#include "codegen/check.h"

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>

#include "codegen/llvm_support.h"

namespace bitnet::codegen {
namespace {

using enum Error::Kind;

Result<void> check_call(const llvm::CallBase& call) {
  if (call.isInlineAsm()) return {};
  const llvm::Function* callee = call.getCalledFunction();
  if (callee == nullptr) return fail(invalid, "calls through a pointer");
  if (!callee->isIntrinsic()) return fail(invalid, "calls {}", view(callee->getName()));
  return {};
}

Result<void> check_function(const llvm::Function& function) {
  const llvm::DataLayout& layout = function.getParent()->getDataLayout();
  uint64_t stack = 0;
  for (const llvm::Instruction& i : llvm::instructions(function)) {
    if (const auto* call = llvm::dyn_cast<llvm::CallBase>(&i)) BITNET_CHECK(check_call(*call));
    if (const auto* alloca = llvm::dyn_cast<llvm::AllocaInst>(&i)) {
      const auto size = alloca->getAllocationSize(layout);
      if (!size || size->isScalable() || !alloca->isStaticAlloca())
        return fail(invalid, "has an array of variable length");
      stack += size->getFixedValue();
    }
  }
  if (stack > kMostStackBytes)
    return fail(invalid, "keeps {} bytes of arrays on the stack, at most {} are planned", stack,
                kMostStackBytes);
  return {};
}

}  // namespace

Result<void> check_module(const llvm::Module& module) {
  for (const llvm::GlobalVariable& global : module.globals()) {
    if (global.isDeclaration())
      return fail(invalid, "constant {} has no value", view(global.getName()));
    if (!global.isConstant()) return fail(invalid, "keeps state in {}", view(global.getName()));
  }
  for (const llvm::Function& function : module) {
    if (function.isDeclaration()) {
      if (!function.isIntrinsic())
        return fail(invalid, "refers to {}, which it does not define", view(function.getName()));
      continue;
    }
    if (auto r = check_function(function); !r)
      return in(function.getName().str(), std::move(r.error()));
  }
  return {};
}

Result<void> check_object(const llvm::object::ELFObjectFileBase& object) {
  for (const llvm::object::ELFSymbolRef symbol : object.symbols()) {
    BITNET_TRY(const uint32_t flags, to_result(symbol.getFlags()));
    BITNET_TRY(const llvm::StringRef name, to_result(symbol.getName()));
    if ((flags & llvm::object::SymbolRef::SF_Undefined) != 0 && !name.empty())
      return fail(invalid, "calls {}", view(name));
  }
  for (const llvm::object::ELFSectionRef section : object.sections()) {
    const uint64_t flags = section.getFlags();
    if ((flags & llvm::ELF::SHF_WRITE) != 0 && (flags & llvm::ELF::SHF_ALLOC) != 0 &&
        section.getSize() != 0) {
      BITNET_TRY(const llvm::StringRef name, to_result(section.getName()));
      return fail(invalid, "has writable data in section {}", view(name));
    }
  }
  return {};
}

}  // namespace bitnet::codegen
