# bitnet_kernel_library(NAME PREFIX [ARCH arch] [LEVEL level] [FLAGS ...] KERNELS entries...): a static library NAME of the
# catalogue's entries, compiled for their level (or LEVEL) of ARCH (else this one), and NAME.inc: a table
# kernel_table_NAME of BuiltinKernel. Symbols are PREFIX and the kernel's name. NAME_objects is set for the caller.
function(bitnet_kernel_library library prefix)
  cmake_parse_arguments(ARG "" "ARCH;LEVEL" "FLAGS;KERNELS" ${ARGN})
  if(NOT ARG_ARCH)
    set(ARG_ARCH ${BITNET_ARCHITECTURE})
  endif()
  set(objects "")
  set(declarations "")
  set(rows "")
  foreach(entry ${ARG_KERNELS})
    bitnet_instance_fields("${entry}")
    set(symbol "${prefix}${name}")
    set(level ${isa})
    if(ARG_LEVEL)
      set(level ${ARG_LEVEL})
    endif()
    file(RELATIVE_PATH source ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/templates/kernels/${kernel}.c)
    bitnet_template_object(object ${source} ${ARG_ARCH} ${level} ${symbol} ${flags} ${macros} -DBN_PREFIX=${symbol}
                           ${ARG_FLAGS})
    list(APPEND objects ${object})
    string(APPEND declarations "extern \"C\" BnFactsFn ${symbol}_facts;\nextern \"C\" BnSizesFn ${symbol}_sizes;\n"
           "extern \"C\" BnPackFn ${symbol}_pack;\nextern \"C\" BnPrepareFn ${symbol}_prepare;\n"
           "extern \"C\" BnRunFn ${symbol}_run;\n")
    string(REGEX REPLACE "([a-z]+)=([0-9]+) ?" "{\"\\1\", \\2}, " pairs "${parameters}")
    set(preferred false)
    if(role STREQUAL default)
      set(preferred true)
    endif()
    string(APPEND rows "    {{\"${kernel}\", \"${packing}\", Isa::${isa}, {${pairs}}},\n     \"${key}\", \"${form}\", "
           "${m_min}, ${m_max}, ${preferred},\n     {${symbol}_facts, ${symbol}_sizes, ${symbol}_pack, "
           "${symbol}_prepare, ${symbol}_run}},\n")
  endforeach()
  string(REPLACE ", }" "}" rows "${rows}")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${library}.inc @ONLY CONTENT
"// Made by templates/kernel_library.cmake from templates/catalogue.cmake.
#include \"runtime/kernel/kernel.h\"

${declarations}
namespace bitnet {
static const std::vector<BuiltinKernel> kernel_table_${library} = {
${rows}};
}  // namespace bitnet
")
  add_library(${library} STATIC ${objects})
  set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${library} INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
  set(${library}_objects "${objects}" PARENT_SCOPE)
endfunction()

# bitnet_kernels_of(OUT level...): the catalogue's entries of these levels; bitnet_test_kernels_of: the tests' own.
function(bitnet_kernels_of out)
  bitnet_entries_of(entries "${BITNET_CATALOGUE}" ${ARGN})
  set(${out} "${entries}" PARENT_SCOPE)
endfunction()
function(bitnet_test_kernels_of out)
  bitnet_entries_of(entries "${BITNET_TEST_CATALOGUE}" ${ARGN})
  set(${out} "${entries}" PARENT_SCOPE)
endfunction()
function(bitnet_entries_of out all)
  set(entries "")
  foreach(entry ${all})
    bitnet_instance_fields("${entry}")
    if(isa IN_LIST ARGN)
      list(APPEND entries "${entry}")
    endif()
  endforeach()
  set(${out} "${entries}" PARENT_SCOPE)
endfunction()
