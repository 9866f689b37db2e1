#include "codegen/machine_code.h"

#include <llvm/ADT/StringSet.h>
#include <llvm/MC/MCInstrDesc.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Object/ELFObjectFile.h>

#include <algorithm>
#include <optional>

#include "codegen/check.h"
#include "codegen/llvm_support.h"
#include "codegen/loops.h"
#include "codegen/predict.h"

namespace bitnet::codegen {
namespace {

using enum Error::Kind;
using llvm::object::ELFObjectFileBase;

struct Elf {
  std::unique_ptr<llvm::object::ObjectFile> owner;
  const ELFObjectFileBase* file = nullptr;
};

Result<Elf> open_object(std::span<const std::byte> bytes) {
  const llvm::StringRef text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Elf elf;
  BITNET_TRY(
      elf.owner,
      to_result(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(text, "object"))));
  elf.file = llvm::dyn_cast<ELFObjectFileBase>(elf.owner.get());
  if (elf.file == nullptr) return fail(invalid, "not an ELF object");
  return elf;
}

std::string text_of(const Instruction& i, const MachineCode& machine) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  machine.printer->printInst(&i.inst, i.address, "", *machine.subtarget, stream);
  std::ranges::replace(text, '\t', ' ');
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

// Labels instead of distances, so that the text does not change with where the code lies.
std::string text_of(const DecodedFunction& function, const MachineCode& machine) {
  std::vector<size_t> labels;
  for (size_t n = 0; n < function.code.size(); ++n) {
    if (const auto target = branch_index(function, n, machine)) labels.push_back(*target);
  }
  std::ranges::sort(labels);
  const auto duplicates = std::ranges::unique(labels);
  labels.erase(duplicates.begin(), duplicates.end());
  const auto label = [&](size_t index) {
    return std::ranges::lower_bound(labels, index) - labels.begin();
  };

  std::string text = function.name + ":\n";
  for (size_t n = 0; n < function.code.size(); ++n) {
    if (std::ranges::binary_search(labels, n)) text += fmt::format(".L{}:\n", label(n));
    std::string line = text_of(function.code[n], machine);
    if (const auto target = branch_index(function, n, machine))
      line = line.substr(0, line.rfind(' ') + 1) + fmt::format(".L{}", label(*target));
    text += "  " + line + "\n";
  }
  return text;
}

}  // namespace

Result<MachineCode> MachineCode::create(std::string_view architecture, const std::string& cpu) {
  initialise_targets();
  MachineCode m;
  const bool arm = architecture == "aarch64";
  m.triple = llvm::Triple(arm ? "aarch64-linux-gnu" : "x86_64-linux-gnu");
  std::string error;
  m.target = llvm::TargetRegistry::lookupTarget(m.triple.str(), error);
  if (m.target == nullptr) return fail(unsupported, "{}: {}", m.triple.str(), error);
  m.registers.reset(m.target->createMCRegInfo(m.triple.str()));
  m.assembly.reset(
      m.target->createMCAsmInfo(*m.registers, m.triple.str(), llvm::MCTargetOptions()));
  // x86 decodes everything; AArch64 only what is switched on.
  m.subtarget.reset(m.target->createMCSubtargetInfo(m.triple.str(), cpu, arm ? "+all" : ""));
  m.instructions.reset(m.target->createMCInstrInfo());
  m.analysis.reset(m.target->createMCInstrAnalysis(m.instructions.get()));
  m.context = std::make_unique<llvm::MCContext>(m.triple, m.assembly.get(), m.registers.get(),
                                                m.subtarget.get());
  m.disassembler.reset(m.target->createMCDisassembler(*m.subtarget, *m.context));
  m.printer.reset(m.target->createMCInstPrinter(m.triple, arm ? 0 : 1, *m.assembly, *m.instructions,
                                                *m.registers));
  if (!m.disassembler || !m.printer || !m.analysis)
    return fail(unsupported, "{}: LLVM has no disassembler", m.triple.str());
  return m;
}

Result<std::vector<DecodedFunction>> decode(const Object& object, const MachineCode& machine) {
  BITNET_TRY(const Elf elf, open_object(object.bytes));
  std::vector<DecodedFunction> functions;
  for (const llvm::object::ELFSymbolRef symbol : elf.file->symbols()) {
    if (symbol.getELFType() != llvm::ELF::STT_FUNC) continue;
    DecodedFunction function;
    BITNET_TRY(const llvm::StringRef name, to_result(symbol.getName()));
    BITNET_TRY(const uint64_t begin, to_result(symbol.getAddress()));
    BITNET_TRY(const llvm::object::section_iterator section, to_result(symbol.getSection()));
    if (section == elf.file->section_end()) continue;  // declared only
    BITNET_TRY(const llvm::StringRef bytes, to_result(section->getContents()));
    function.name = name.str();
    const uint64_t end = begin + symbol.getSize();
    if (end > bytes.size()) return fail(invalid, "{}: lies outside its section", function.name);
    for (uint64_t at = begin; at < end;) {
      Instruction i{.address = at};
      const llvm::ArrayRef<uint8_t> rest(bytes.bytes_begin() + at, end - at);
      if (machine.disassembler->getInstruction(i.inst, i.bytes, rest, at, llvm::nulls()) !=
          llvm::MCDisassembler::Success)
        return fail(invalid, "{}: bytes at offset {} are no instruction", function.name,
                    at - begin);
      at += i.bytes;
      function.code.push_back(std::move(i));
    }
    if (!function.code.empty()) functions.push_back(std::move(function));
  }
  std::ranges::sort(functions, {}, [](const DecodedFunction& f) { return f.code.front().address; });
  return functions;
}

std::optional<size_t> branch_index(const DecodedFunction& function, size_t index,
                                   const MachineCode& machine) {
  const Instruction& i = function.code[index];
  uint64_t target = 0;
  if (!machine.analysis->isBranch(i.inst) ||
      !machine.analysis->evaluateBranch(i.inst, i.address, i.bytes, target))
    return std::nullopt;
  const auto at = std::ranges::lower_bound(function.code, target, {}, &Instruction::address);
  if (at == function.code.end() || at->address != target) return std::nullopt;
  return static_cast<size_t>(at - function.code.begin());
}

// Accesses relative to the stack pointer.
static int stack_accesses(const DecodedFunction& function, const InnerLoop& loop,
                          const MachineCode& machine) {
  int count = 0;
  for (size_t n : loop.code) {
    const llvm::MCInst& inst = function.code[n].inst;
    const llvm::MCInstrDesc& desc = machine.instructions->get(inst.getOpcode());
    if (!desc.mayLoad() && !desc.mayStore()) continue;
    const bool stack = std::any_of(inst.begin(), inst.end(), [&](const llvm::MCOperand& operand) {
      if (!operand.isReg()) return false;
      const std::string_view name = machine.registers->getName(operand.getReg());
      return name == "RSP" || name == "SP";
    });
    if (stack) ++count;
  }
  return count;
}

Result<StaticReport> report_of(const Object& object) {
  BITNET_TRY(const Elf elf, open_object(object.bytes));
  BITNET_CHECK(check_object(*elf.file));
  const std::string_view architecture = architecture_of(elf.file->makeTriple());
  BITNET_TRY(const MachineCode machine, MachineCode::create(architecture, model_cpu(architecture)));
  BITNET_TRY(const std::vector<DecodedFunction> functions, decode(object, machine));
  StaticReport report;
  for (const DecodedFunction& function : functions) {
    const Instruction& last = function.code.back();
    report.code_bytes +=
        static_cast<int64_t>(last.address + last.bytes - function.code.front().address);
    if (!function.name.ends_with("_run")) continue;
    const std::vector<InnerLoop> loops = work_loops(function, machine);
    for (const InnerLoop& loop : loops) report.spills += stack_accesses(function, loop, machine);
    if (!loops.empty()) report.cycles = cycles_of(function, loops.front(), machine);
  }
  return report;
}

Result<std::string> disassemble(const Object& object) {
  const InsideLlvm inside;
  BITNET_TRY(const Elf elf, open_object(object.bytes));
  BITNET_TRY(const MachineCode machine,
             MachineCode::create(architecture_of(elf.file->makeTriple()), ""));
  BITNET_TRY(const std::vector<DecodedFunction> functions, decode(object, machine));
  std::string text;
  for (const DecodedFunction& function : functions) text += text_of(function, machine);
  return text;
}

}  // namespace bitnet::codegen
