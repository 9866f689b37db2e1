// The structural check of a kernel: a leaf that calls nothing, keeps no state and has no stack that
// was not planned. On the module after O3, before code is made of it. Sources of codegen/ only.
#pragma once

#include <llvm/IR/Module.h>
#include <llvm/Object/ELFObjectFile.h>

#include "runtime/base/result.h"

namespace bitnet::codegen {

// A frame may hold small buffers for the tails of rows and tokens; an accumulator array that did
// not become registers is larger.
constexpr uint64_t kMostStackBytes = 2048;

Result<void> check_module(const llvm::Module& module);
// What only the object shows: calls that the back end made up (memset for a loop), data that could
// be written.
Result<void> check_object(const llvm::object::ELFObjectFileBase& object);

}  // namespace bitnet::codegen
