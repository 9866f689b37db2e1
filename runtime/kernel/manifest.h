// What a kernel cache says of itself: JSON in an ELF note (owner "BITNET", type 1, section
// .note.bitnet.kc). Written by the tuner, read by the runtime; the schema has one reader and one
// writer, here. Unknown fields are ignored, missing ones are errors.
//
// Two keys. Safety (abi, architecture, isa, shapes): a mismatch refuses the cache. Performance
// (machine, tool version): a mismatch is only said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi/kernel.h"
#include "runtime/base/result.h"
#include "runtime/cpu/fingerprint.h"
#include "runtime/kernel/problem.h"

namespace bitnet {

struct KernelRecord {           // one compiled kernel in the file
  std::string name;             // to_string(KernelName)
  std::string template_hash{};  // of the code that it was compiled from, and that sizes belong to
  std::string packing_key, form;
  BnSizes sizes{};  // for the problem that it was compiled for
  // Offsets of the entry points from the start of the file.
  uint64_t pack = 0, prepare = 0, run = 0;
  std::string symbol_prefix;  // symbols <prefix>_pack, ... for --loader dlopen, gdb and perf
};

struct ClassRecord {
  int64_t m_min = 1, m_max = 0;  // kAnyTokens for the last
  int kernel = 0;                // index into kernels
  double nanoseconds = 0;        // measured, median; 0 unknown
  double builtin_nanoseconds = 0;
  double roof_share = 0;  // 0..1
};

struct ProblemRecord {
  Problem problem;
  std::vector<ClassRecord> classes;
};

struct PlanRecord {  // a cache holds one for each (threads, objective) tuned
  int threads = 1;
  std::string objective = "balanced";
  std::vector<ProblemRecord> problems;
};

struct Manifest {
  int format = 2;
  int abi = BITNET_ABI_VERSION;
  std::string tool_version, llvm_version;
  std::string architecture;  // "x86_64"
  std::string isa;           // the highest level that any kernel here needs
  std::string shapes;        // shape_digest
  Machine machine;
  // XXH3-128 of the file with these 32 digits as zeros: against damage, not malice.
  std::string digest;
  std::vector<KernelRecord> kernels;
  std::vector<PlanRecord> plans;
};

std::string to_json(const Manifest& manifest);
Result<Manifest> parse_manifest(std::string_view json);

}  // namespace bitnet
