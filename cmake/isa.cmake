# The ISA levels' compiler flags (runtime/cpu/isa.h has names and parents), and lists that follow from them: what is
# compiled or tested once a level takes them from here. Templates are C and always compiled by clang 19 or later, whatever
# compiles the C++.
find_program(TEMPLATE_CLANG NAMES clang-19 clang REQUIRED)

set(BITNET_ISA_x86_64 scalar ssse3 avx2 avxvnni avx512 avx512vnni avx512vbmi)
set(BITNET_ISA_aarch64 scalar neon dotprod i8mm)

set(BITNET_FLAGS_x86_64_scalar     --target=x86_64-linux-gnu -march=x86-64)
set(BITNET_FLAGS_x86_64_ssse3      --target=x86_64-linux-gnu -march=x86-64 -mssse3)
set(BITNET_FLAGS_x86_64_avx2       --target=x86_64-linux-gnu -march=x86-64-v3)
set(BITNET_FLAGS_x86_64_avxvnni    --target=x86_64-linux-gnu -march=x86-64-v3 -mavxvnni)
set(BITNET_FLAGS_x86_64_avx512     --target=x86_64-linux-gnu -march=x86-64-v4 -mprefer-vector-width=512)
set(BITNET_FLAGS_x86_64_avx512vnni --target=x86_64-linux-gnu -march=x86-64-v4 -mavx512vnni -mprefer-vector-width=512)
set(BITNET_FLAGS_x86_64_avx512vbmi --target=x86_64-linux-gnu -march=x86-64-v4 -mavx512vnni -mavx512vbmi
                                   -mprefer-vector-width=512)
set(BITNET_FLAGS_aarch64_scalar    --target=aarch64-linux-gnu -march=armv8-a)
set(BITNET_FLAGS_aarch64_neon      --target=aarch64-linux-gnu -march=armv8-a)
set(BITNET_FLAGS_aarch64_dotprod   --target=aarch64-linux-gnu -march=armv8.2-a+dotprod)
set(BITNET_FLAGS_aarch64_i8mm      --target=aarch64-linux-gnu -march=armv8.2-a+dotprod+i8mm)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(BITNET_ARCHITECTURE x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(BITNET_ARCHITECTURE aarch64)
else()
  message(FATAL_ERROR "bitnet-tune knows x86_64 and aarch64, not ${CMAKE_SYSTEM_PROCESSOR}")
endif()
set(BITNET_ISA_LEVELS ${BITNET_ISA_${BITNET_ARCHITECTURE}})

# Levels with float kernels of their own (templates/float); the others gain nothing over their parent's.
set(BITNET_FLOAT_ISA_x86_64 scalar ssse3 avx2 avxvnni avx512 avx512vnni)
set(BITNET_FLOAT_ISA_aarch64 neon)

# What their float kernels are compiled with besides: LLVM takes dpwssd apart into two instructions unless it is told that
# the CPU runs it as fast.
foreach(level ${BITNET_ISA_x86_64})
  if("${BITNET_FLAGS_x86_64_${level}}" MATCHES "vnni")
    set(BITNET_FLOAT_FLAGS_${level} -Xclang -target-feature -Xclang +fast-dpwssd)
  endif()
endforeach()

# Levels with a vocabulary of their own beside the portable one.
foreach(architecture x86_64 aarch64)
  set(BITNET_VOCABULARY_ISA_${architecture} "")
  foreach(level ${BITNET_ISA_${architecture}})
    if(NOT level STREQUAL scalar AND EXISTS ${CMAKE_SOURCE_DIR}/templates/isa/vec_${level}.h)
      list(APPEND BITNET_VOCABULARY_ISA_${architecture} ${level})
    endif()
  endforeach()
endforeach()

# Levels whose code may hold EVEX instructions.
set(BITNET_EVEX_ISA "")
foreach(level ${BITNET_ISA_x86_64})
  if("${BITNET_FLAGS_x86_64_${level}}" MATCHES "x86-64-v4|avx512|avx10")
    list(APPEND BITNET_EVEX_ISA ${level})
  endif()
endforeach()

set(BITNET_TEMPLATE_FLAGS -std=c11 -ffreestanding -fno-math-errno -ffp-contract=off -fno-stack-protector -fPIC
    -fvisibility=hidden -Wall -Wextra -Werror "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=" -I${CMAKE_SOURCE_DIR})

# Where a loop begins within a cache line decides up to 15 % of its speed; it must not depend on what the linker put
# before it. The code generator does the same (codegen/llvm_support.cpp), so that what was timed is what runs.
set(BITNET_TEMPLATE_ALIGNMENT -falign-functions=64 -falign-loops=64)

# bitnet_template_object(OUT source.c ARCH LEVEL NAME extra flags...): an object file of a template at default parameters.
# OUT receives its path; NAME makes it unique.
function(bitnet_template_object out source arch level name)
  get_filename_component(path ${source} ABSOLUTE)
  set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}.o")
  add_custom_command(OUTPUT ${object}
    COMMAND ${BITNET_CCACHE} ${TEMPLATE_CLANG} ${BITNET_TEMPLATE_FLAGS} ${BITNET_TEMPLATE_ALIGNMENT} -O3 ${BITNET_FLAGS_${arch}_${level}} ${ARGN}
            -c ${path} -o ${object} -MD -MF ${object}.d
    DEPFILE ${object}.d DEPENDS ${path} VERBATIM)
  set(${out} ${object} PARENT_SCOPE)
endfunction()

# bitnet_level_table(FILE HEADER TYPE PREFIX level...): FILE for C++ to include, with kLevelTable: {level, PREFIX_<level>}
# in the order given, the latter pointers to TYPE, which HEADER declares.
function(bitnet_level_table file header type prefix)
  set(declarations "")
  set(rows "")
  foreach(level ${ARGN})
    string(APPEND declarations "extern \"C\" const ${type} ${prefix}_${level};\n")
    string(APPEND rows "    {Isa::${level}, &${prefix}_${level}},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${file} @ONLY CONTENT
"// Made by cmake/isa.cmake.
#include <utility>

#include \"${header}\"
#include \"runtime/cpu/isa.h\"

${declarations}
namespace bitnet {
static constexpr std::pair<Isa, const ${type}*> kLevelTable[] = {
${rows}};
}  // namespace bitnet
")
endfunction()

# The architecture that a level belongs to; scalar is this build's own.
function(bitnet_architecture_of out level)
  set(${out} ${BITNET_ARCHITECTURE} PARENT_SCOPE)
  if(NOT level STREQUAL scalar)
    foreach(architecture x86_64 aarch64)
      if(level IN_LIST BITNET_ISA_${architecture})
        set(${out} ${architecture} PARENT_SCOPE)
      endif()
    endforeach()
  endif()
endfunction()

# bitnet_template_bitcode(...): the same as bitcode before any optimisation, for the tuner.
function(bitnet_template_bitcode out source arch level name)
  get_filename_component(path ${source} ABSOLUTE)
  set(bitcode "${CMAKE_CURRENT_BINARY_DIR}/${name}.bc")
  add_custom_command(OUTPUT ${bitcode}
    COMMAND ${TEMPLATE_CLANG} ${BITNET_TEMPLATE_FLAGS} -O2 -Xclang -disable-llvm-passes -gline-tables-only
            -fdebug-compilation-dir=.
            ${BITNET_FLAGS_${arch}_${level}} ${ARGN} -emit-llvm
            -c ${path} -o ${bitcode} -MD -MF ${bitcode}.d
    DEPFILE ${bitcode}.d DEPENDS ${path} VERBATIM)
  set(${out} ${bitcode} PARENT_SCOPE)
endfunction()
