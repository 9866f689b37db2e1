// An object's instructions, decoded: the loops of a kernel, what they keep on the stack, their
// text. For the static report, the cost model and the golden tests. Sources of codegen/ only.
#pragma once

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrAnalysis.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/TargetParser/Triple.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/base/result.h"

namespace bitnet::codegen {

// LLVM's machine-code layer for one triple and CPU. Every feature is on: an object may hold any of
// its architecture's.
class MachineCode {
 public:
  static Result<MachineCode> create(std::string_view architecture, const std::string& cpu);

  const llvm::Target* target = nullptr;
  llvm::Triple triple;
  std::unique_ptr<llvm::MCRegisterInfo> registers;
  std::unique_ptr<llvm::MCAsmInfo> assembly;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
  std::unique_ptr<llvm::MCInstrInfo> instructions;
  std::unique_ptr<llvm::MCInstrAnalysis> analysis;
  std::unique_ptr<llvm::MCContext> context;
  std::unique_ptr<llvm::MCDisassembler> disassembler;
  std::unique_ptr<llvm::MCInstPrinter> printer;
};

struct Instruction {
  uint64_t address = 0;  // in its section
  uint64_t bytes = 0;
  llvm::MCInst inst{};
};

struct DecodedFunction {
  std::string name;
  std::vector<Instruction> code;
};

// Functions in the order of their addresses. The padding between them belongs to none.
Result<std::vector<DecodedFunction>> decode(const Object& object, const MachineCode& machine);

// The index of the instruction that code[index] jumps to, if it is a jump within the function.
std::optional<size_t> branch_index(const DecodedFunction& function, size_t index,
                                   const MachineCode& machine);

// All of the static report but the frame sizes, which only the back end knows.
Result<StaticReport> report_of(const Object& object);

}  // namespace bitnet::codegen
