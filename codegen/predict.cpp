#include "codegen/predict.h"

#include <llvm/MC/TargetRegistry.h>
#include <llvm/MCA/Context.h>
#include <llvm/MCA/CustomBehaviour.h>
#include <llvm/MCA/InstrBuilder.h>
#include <llvm/MCA/Pipeline.h>
#include <llvm/MCA/SourceMgr.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>
#include <functional>
#include <map>

#include "codegen/codegen.h"
#include "codegen/llvm_support.h"

namespace bitnet::codegen {
namespace {

// An iteration is the difference of a long run and a short one, which have the same beginning and
// end: as good as 100 iterations for a third of the time.
constexpr unsigned kShortRun = 8, kLongRun = 24;
constexpr unsigned kCallLatency = 100;  // there are no calls

using Sequence = std::vector<std::unique_ptr<llvm::mca::Instruction>>;

const llvm::MCInstrDesc& desc_of(const Instruction& i, const MachineCode& machine) {
  return machine.instructions->get(i.inst.getOpcode());
}

// Whether it makes a vector of vectors, in registers or one of them in memory. Loads, broadcasts
// and stores do not, nor does what counts and addresses.
bool computes_vectors(const Instruction& i, const MachineCode& machine) {
  constexpr unsigned kVectorBits = 128;
  const llvm::MCInstrDesc& desc = desc_of(i, machine);
  const auto is_vector = [&](const llvm::MCOperandInfo& operand) {
    return operand.RegClass >= 0 &&
           machine.registers->getRegClass(static_cast<unsigned>(operand.RegClass))
                   .getSizeInBits() >= kVectorBits;
  };
  const auto operands = desc.operands();
  return !desc.mayStore() && llvm::any_of(operands.take_front(desc.getNumDefs()), is_vector) &&
         llvm::any_of(operands.drop_front(desc.getNumDefs()), is_vector);
}

bool computes_floats(const DecodedFunction& run, const InnerLoop& loop, const MachineCode& m) {
  return std::ranges::any_of(
      loop.code, [&](size_t n) { return desc_of(run.code[n], m).mayRaiseFPException(); });
}

size_t vectors_in(const DecodedFunction& run, const InnerLoop& loop, const MachineCode& m) {
  return static_cast<size_t>(
      std::ranges::count_if(loop.code, [&](size_t n) { return computes_vectors(run.code[n], m); }));
}

Sequence lower(const DecodedFunction& run, const InnerLoop& loop, const MachineCode& m,
               llvm::mca::InstrBuilder& builder) {
  const std::unique_ptr<llvm::mca::InstrPostProcess> post(
      m.target->createInstrPostProcess(*m.subtarget, *m.instructions));
  Sequence sequence;
  for (size_t n : loop.code) {
    auto lowered = builder.createInstruction(run.code[n].inst, {});
    if (!lowered) {  // the model does not know it: no estimate at all rather than a wrong one
      llvm::consumeError(lowered.takeError());
      return {};
    }
    if (post) post->postProcessInstruction(*lowered, run.code[n].inst);
    sequence.push_back(std::move(*lowered));
  }
  return sequence;
}

// Cycles of so many iterations; 0 where the model fails.
unsigned simulate(const Sequence& sequence, unsigned iterations, const MachineCode& m) {
  namespace mca = llvm::mca;
  mca::CircularSourceMgr source(sequence, iterations);
  std::unique_ptr<mca::CustomBehaviour> behaviour(
      m.target->createCustomBehaviour(*m.subtarget, source, *m.instructions));
  if (!behaviour)
    behaviour = std::make_unique<mca::CustomBehaviour>(*m.subtarget, source, *m.instructions);
  mca::Context context(*m.registers, *m.subtarget);
  const mca::PipelineOptions options(/*UOPQSize=*/0, /*DecThr=*/0, /*DW=*/0, /*RFS=*/0, /*LQS=*/0,
                                     /*SQS=*/0, /*NoAlias=*/true);
  const auto pipeline = m.subtarget->getSchedModel().isOutOfOrder()
                            ? context.createDefaultPipeline(options, source, *behaviour)
                            : context.createInOrderPipeline(options, source, *behaviour);
  auto total = pipeline->run();
  if (total) return *total;
  llvm::consumeError(total.takeError());
  return 0;
}

}  // namespace

std::string host_cpu() { return llvm::sys::getHostCPUName().str(); }

bool has_cost_model(std::string_view cpu) {
  // Families as LLVM 19 spells them. What it does not know it calls generic, or by an architecture
  // (x86-64), and gives it the model of some CPU of old.
  constexpr std::string_view kModelled[] = {
      "znver",          "haswell",       "broadwell",     "skylake",   "cascadelake", "cooperlake",
      "icelake-",       "tigerlake",     "rocketlake",    "alderlake", "raptorlake",  "meteorlake",
      "sapphirerapids", "emeraldrapids", "graniterapids", "neoverse-", "cortex-a",    "apple-"};
  return std::ranges::any_of(kModelled, [&](auto family) { return cpu.starts_with(family); });
}

std::string model_cpu(std::string_view architecture) {
  if (const std::string host = host_cpu(); has_cost_model(host)) return host;
  return architecture == "aarch64" ? "neoverse-n1" : "sapphirerapids";
}

std::vector<InnerLoop> work_loops(const DecodedFunction& run, const MachineCode& machine) {
  // Equal ones stay in the order of their addresses.
  std::multimap<size_t, InnerLoop, std::greater<>> of_vectors, others;
  for (InnerLoop& loop : inner_loops(run, machine)) {
    if (computes_floats(run, loop, machine)) continue;
    const size_t vectors = vectors_in(run, loop, machine), length = loop.code.size();
    if (vectors > 0) {
      of_vectors.emplace(vectors, std::move(loop));
    } else {
      others.emplace(length, std::move(loop));
    }
  }
  std::vector<InnerLoop> loops;
  for (auto& [work, loop] : of_vectors.empty() ? others : of_vectors)
    loops.push_back(std::move(loop));
  return loops;
}

double cycles_of(const DecodedFunction& run, const InnerLoop& loop, const MachineCode& m) {
  namespace mca = llvm::mca;
  if (!m.subtarget->getSchedModel().hasInstrSchedModel()) return 0;
  const mca::InstrumentManager instruments(*m.subtarget, *m.instructions);
  mca::InstrBuilder builder(*m.subtarget, *m.instructions, *m.registers, m.analysis.get(),
                            instruments, kCallLatency);
  const Sequence sequence = lower(run, loop, m, builder);
  if (sequence.empty()) return 0;
  const unsigned begin = simulate(sequence, kShortRun, m), all = simulate(sequence, kLongRun, m);
  return all > begin && begin > 0 ? static_cast<double>(all - begin) / (kLongRun - kShortRun) : 0;
}

}  // namespace bitnet::codegen
