# bitnet_embed_bitcode(TARGET row...): a library with bitcode files and their table, for codegen/bitcode.h. A row is
# "kernel|packing|form|isa|m_min|m_max|layout|defaults|choices|path", layout like "r", defaults like "r=16 k=512", choices
# like "r=16,32 k=512".
function(bitnet_embed_bitcode target)
  set(asm ".section .rodata\n")
  set(declarations "")
  set(rows "")
  set(files "")
  foreach(row ${ARGN})
    string(REPLACE "|" ";" field "${row}")
    list(GET field 0 kernel)
    list(GET field 1 packing)
    list(GET field 2 form)
    list(GET field 3 isa)
    list(GET field 4 m_min)
    list(GET field 5 m_max)
    list(GET field 6 layout)
    list(GET field 7 defaults)
    list(GET field 8 choices)
    list(GET field 9 path)
    set(id "bn_bitcode_${kernel}_${packing}_${isa}")
    string(APPEND asm ".balign 16\n.globl ${id}\n${id}: .incbin \"${path}\"\n.globl ${id}_end\n${id}_end:\n")
    string(APPEND declarations "extern \"C\" const char ${id}[], ${id}_end[];\n")
    string(APPEND rows "    {\"${kernel}\", \"${packing}\", \"${form}\", \"${isa}\", ${m_min}, ${m_max}, \"${layout}\",\n"
                       "     \"${defaults}\", \"${choices}\", {${id}, static_cast<size_t>(${id}_end - ${id})}},\n")
    list(APPEND files ${path})
  endforeach()
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/bitcode.S
       CONTENT "${asm}.section .note.GNU-stack,\"\",%progbits\n")
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/bitcode_table.cpp CONTENT
"// Written by codegen/embed.cmake from templates/catalogue.cmake.
#include \"codegen/bitcode.h\"

${declarations}
namespace bitnet::codegen {
std::span<const EmbeddedTemplate> embedded_templates() {
  static const std::vector<EmbeddedTemplate> table = {
${rows}  };
  return table;
}
}  // namespace bitnet::codegen
")
  add_library(${target} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/bitcode.S ${CMAKE_CURRENT_BINARY_DIR}/bitcode_table.cpp)
  set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/bitcode.S PROPERTIES OBJECT_DEPENDS "${files}")
  target_link_libraries(${target} PUBLIC bitnet_options ${BITNET_FMT} runtime_kernel)
endfunction()

# bitnet_embed_catalogue(TARGET entry...): entries of templates/catalogue.cmake, compiled and embedded.
include(${CMAKE_CURRENT_LIST_DIR}/../templates/catalogue.cmake)
set(BITNET_KERNEL_TEMPLATES ${CMAKE_CURRENT_LIST_DIR}/../templates/kernels)
function(bitnet_embed_catalogue target)
  set(rows "")
  foreach(entry ${ARGN})
    bitnet_instance_fields("${entry}")
    bitnet_architecture_of(architecture ${isa})
    set(instance ${kernel}_${packing}_${isa})
    bitnet_template_bitcode(path ${BITNET_KERNEL_TEMPLATES}/${kernel}.c ${architecture} ${isa} ${instance} ${flags}
                            -DBN_BITCODE -DBN_PREFIX=${instance})
    list(JOIN layout " " layout)
    list(APPEND rows
         "${kernel}|${packing}|${form}|${isa}|${m_min}|${m_max}|${layout}|${parameters}|${choices}|${path}")
  endforeach()
  bitnet_embed_bitcode(${target} ${rows})
endfunction()
