// The templates' bitcode, embedded in this room's library at build time, and the step from one of
// them to an object. No LLVM type here, so that tests can specialise templates of their own.
#pragma once

#include <span>
#include <string_view>

#include "codegen/codegen.h"

namespace bitnet::codegen {

// As the build writes it (embed.cmake): the fields of Template as text.
struct EmbeddedTemplate {
  std::string_view kernel, packing, form, isa;
  int64_t m_min, m_max;
  std::string_view layout;    // "r"
  std::string_view defaults;  // "r=16 k=512", in the template's order
  std::string_view choices;   // "r=16,32 k=512,1024"
  std::string_view bitcode;
};
std::span<const EmbeddedTemplate> embedded_templates();

// A digest of what the bitcode computes: without debug information, paths and names of files, so
// that neither a comment nor another checkout makes old measurements worthless.
Result<std::string> bitcode_hash(std::string_view bitcode);

// specialise() of codegen.h for this bitcode. spec.name.parameters are given to the constants
// P_<name>, the shape to P_N and P_K. A constant that is left without a value is an error; a
// parameter that the template does not read is none, as some levels have no use for one.
Result<Object> specialise_bitcode(std::string_view bitcode, const Spec& spec);

}  // namespace bitnet::codegen
