// The only header of codegen/ that others include: it names no LLVM type. From a kernel's name and
// a shape to an object file (bitcode template + constants + O3), from objects to functions in this
// process (ORC) or to a cache file (lld). Where LLVM runs out of memory the program ends, by
// std::terminate: see InsideLlvm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/manifest.h"

namespace bitnet::codegen {

// One embedded bitcode template: a kernel over a packing at an ISA level, with its parameters and
// their defaults.
struct Template {
  std::string kernel, packing, form;
  Isa isa = Isa::scalar;
  int64_t m_min = 1, m_max = kAnyTokens;  // the token class that it is written for
  std::vector<std::string> layout;        // the parameters that fix the packed bytes
  std::vector<std::pair<std::string, int64_t>> defaults;  // parameters in the template's order
  // Values worth trying, of the same parameters. Not every combination fits: the kernel's facts say
  // which does not, and why.
  std::vector<std::pair<std::string, std::vector<int64_t>>> choices;
  std::string hash;  // of this bitcode: part of every wisdom key
};
const std::vector<Template>& templates();
// The template that a kernel's name was made from; null where there is none.
const Template* find_template(const KernelName& name);

// What the structural check saw in the object (after O3).
struct StaticReport {
  int64_t code_bytes = 0;
  int64_t stack_bytes = 0;  // of the largest frame
  int spills = 0;           // stack accesses in run's innermost working loops: a pruning score
  double cycles = 0;        // MCA: an iteration of the innermost loop that works most; 0 unknown
};

struct Spec {
  KernelName name;
  int64_t n = 0, k = 0;  // constants of the code; 0: taken from the arguments
  int64_t group = -1;    // likewise (Problem::group); -1: taken from the arguments
};

struct Object {
  Spec spec;
  // ELF relocatable; symbols <to_string(name)>_<n>x<k>[g<group>]_{facts,sizes,pack,prepare,run}
  std::vector<std::byte> bytes;
  StaticReport report;
};
std::string symbol_prefix(const Spec& spec);

// Fails where the template is unknown, a parameter is none of its choices, or the structural check
// finds a call or an alloca. Thread-safe.
Result<Object> specialise(const Spec& spec);
// Assembly text of the same code, for tests and people.
Result<std::string> disassemble(const Object& object);

// Functions of objects, loaded into this process. Keep it alive while they are used.
class Jit {
 public:
  static Result<std::unique_ptr<Jit>> create();
  virtual ~Jit() = default;
  virtual Result<KernelFunctions> load(const Object& object) = 0;
  virtual void unload(const Object& object) = 0;
};

// Links objects and the manifest into one relocation-free shared object. manifest.kernels[i]
// describes objects[i]: entry offsets, symbol prefixes and the digest are filled in here. The bytes
// returned pass vet_cache.
Result<std::vector<std::byte>> link_cache(std::span<const Object> objects, Manifest manifest);

std::string llvm_version();

// This CPU as LLVM calls it, "znver3"; "generic" where it does not know it.
std::string host_cpu();
// Whether StaticReport::cycles are of a CPU so called, rather than of another that stands in.
bool has_cost_model(std::string_view llvm_cpu);

}  // namespace bitnet::codegen
