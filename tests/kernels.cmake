# Kernels in other guises than the runtime's, for tests (templates/kernel_library.cmake).
include(${CMAKE_SOURCE_DIR}/templates/catalogue.cmake)
include(${CMAKE_SOURCE_DIR}/templates/kernel_library.cmake)

# bitnet_variants(OUT entry...): the entries with every parameter at its first choice, and at its last, so that what is
# off by default (page heads) is on once.
function(bitnet_variants out)
  set(variants "")
  foreach(entry ${ARGN})
    string(REGEX REPLACE "=[0-9]+:([0-9]+)[0-9,]*" "=\\1:" first "${entry}")
    string(REGEX REPLACE "=[0-9]+:([0-9]+,)*([0-9]+)" "=\\2:" last "${entry}")
    list(APPEND variants "${first}" "${last}")
  endforeach()
  set(${out} "${variants}" PARENT_SCOPE)
endfunction()

# bitnet_once_each(LIST): each kernel of LIST once, whatever else its entry offers.
macro(bitnet_once_each list)
  list(TRANSFORM ${list} REPLACE "=([0-9]+):[0-9,]*" "=\\1:")
  list(REMOVE_DUPLICATES ${list})
endmacro()

# Those of this CPU's levels, and the tests' own packings.
bitnet_kernels_of(native ${BITNET_ISA_LEVELS})
bitnet_test_kernels_of(native_of_tests ${BITNET_ISA_LEVELS})
bitnet_variants(variants ${native} ${native_of_tests})
list(APPEND variants ${native_of_tests})  # their defaults, too: no built-in kernel has them
bitnet_once_each(variants)
bitnet_kernel_library(variant_kernels variant_ KERNELS ${variants})

# All levels of all architectures, in portable C for this machine's baseline; those that no variant above is of with theirs.
set(twins ${BITNET_CATALOGUE} ${BITNET_TEST_CATALOGUE})
foreach(architecture x86_64 aarch64)
  if(NOT architecture STREQUAL BITNET_ARCHITECTURE)
    set(foreign_levels ${BITNET_ISA_${architecture}})
  endif()
endforeach()
list(REMOVE_ITEM foreign_levels scalar)
bitnet_kernels_of(foreign ${foreign_levels})
bitnet_test_kernels_of(foreign_of_tests ${foreign_levels})
bitnet_variants(foreign_variants ${foreign} ${foreign_of_tests})
list(APPEND twins ${foreign_variants})
bitnet_once_each(twins)
bitnet_kernel_library(twin_kernels twin_ LEVEL scalar FLAGS -DBN_TWIN KERNELS ${twins})

bitnet_test(kernel_exact_test SOURCES kernel_exact_test.cpp USES runtime_kernel variant_kernels twin_kernels LABELS kernel)

# bitnet_vocabularies(OUT ARCH): the vocabulary of each level of ARCH and its twin behind one C function each, and
# vocabularies_ARCH.inc with all of them, kVocabularies.
function(bitnet_vocabularies out arch)
  set(objects "")
  set(declarations "")
  set(names "")
  foreach(level ${BITNET_VOCABULARY_ISA_${arch}})
    bitnet_template_object(object vocabulary_probe.c ${arch} ${level} probe_${level}
                           -DBN_ISA=${level} -DBN_PREFIX=probe_${level})
    bitnet_template_object(twin vocabulary_probe.c ${arch} scalar twin_probe_${level}
                           -DBN_ISA=${level} -DBN_TWIN -DBN_PREFIX=twin_probe_${level})
    list(APPEND objects ${object} ${twin})
    string(APPEND declarations "BITNET_VOCABULARY(${level})\n")
    list(APPEND names vocabulary_${level})
  endforeach()
  list(JOIN names ", " names)
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/vocabularies_${arch}.inc @ONLY CONTENT
"// Made by tests/kernels.cmake of the headers in templates/isa.
${declarations}static const bitnet::Vocabulary kVocabularies[] = {${names}};
")
  set(${out} "${objects}" PARENT_SCOPE)
endfunction()
bitnet_vocabularies(probes ${BITNET_ARCHITECTURE})
bitnet_test(vocabulary_test SOURCES vocabulary_test.cpp ${probes} USES runtime_cpu LABELS "fast;kernel")
target_include_directories(vocabulary_test PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
target_compile_definitions(vocabulary_test PRIVATE BITNET_VOCABULARIES="vocabularies_${BITNET_ARCHITECTURE}.inc")

# Objects call nothing, and those of the levels below AVX-512 hold no EVEX instruction.
find_program(LLVM_NM NAMES llvm-nm-19 llvm-nm nm)
find_program(LLVM_OBJDUMP NAMES llvm-objdump-19 llvm-objdump objdump)
add_test(NAME kernel_objects_test COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/template_objects_test.sh ${LLVM_NM} ${LLVM_OBJDUMP}
         "^bn_" "${BITNET_EVEX_ISA}" $<TARGET_FILE:builtin_kernels> $<TARGET_FILE:variant_kernels>)
set_tests_properties(kernel_objects_test PROPERTIES LABELS "fast;kernel")

# AArch64's kernels and vocabularies from here, under qemu: a static program without GoogleTest, which has no package for it.
find_program(AARCH64_GXX aarch64-linux-gnu-g++)
find_program(QEMU_AARCH64 NAMES qemu-aarch64 qemu-aarch64-static)
if(NOT BITNET_ARCHITECTURE STREQUAL aarch64)
  if(AARCH64_GXX AND QEMU_AARCH64)
    bitnet_kernel_library(aarch64_kernels "" ARCH aarch64 KERNELS ${foreign} ${foreign_variants})
    bitnet_vocabularies(foreign_probes aarch64)
    set(sources ${CMAKE_CURRENT_SOURCE_DIR}/aarch64_main.cpp ${CMAKE_SOURCE_DIR}/runtime/kernel/reference.cpp
                ${CMAKE_SOURCE_DIR}/runtime/kernel/kernel_name.cpp ${CMAKE_SOURCE_DIR}/runtime/kernel/product.cpp
                ${CMAKE_SOURCE_DIR}/runtime/cpu/isa.cpp ${CMAKE_SOURCE_DIR}/runtime/cpu/features.cpp)
    set(program ${CMAKE_CURRENT_BINARY_DIR}/aarch64_kernels_check)
    add_custom_command(OUTPUT ${program}
      COMMAND ${BITNET_CCACHE} ${AARCH64_GXX} -std=c++23 -O2 -static -ffp-contract=off -DFMT_HEADER_ONLY -I${CMAKE_SOURCE_DIR}
              -I${CMAKE_CURRENT_BINARY_DIR} -idirafter /usr/include ${sources} ${aarch64_kernels_objects} ${foreign_probes}
              -o ${program}
      DEPENDS ${sources} ${aarch64_kernels_objects} ${foreign_probes} kernel_case.h vocabulary_cases.h VERBATIM)
    add_custom_target(aarch64_kernels_program ALL DEPENDS ${program})
    add_test(NAME aarch64_kernels_under_qemu COMMAND ${QEMU_AARCH64} -cpu max ${program})
  else()
    add_test(NAME aarch64_kernels_under_qemu COMMAND ${CMAKE_COMMAND} -E echo
             "skipped: needs aarch64-linux-gnu-g++ and qemu-aarch64")
    set_tests_properties(aarch64_kernels_under_qemu PROPERTIES SKIP_REGULAR_EXPRESSION "skipped")
  endif()
  set_tests_properties(aarch64_kernels_under_qemu PROPERTIES LABELS kernel)
endif()
