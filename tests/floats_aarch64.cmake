# The tests float_* for AArch64 from here, under qemu: static programs, with GoogleTest from the
# source that its Debian package brings.
set(gtest_source /usr/src/googletest/googletest)
find_program(AARCH64_GXX aarch64-linux-gnu-g++)
find_program(QEMU_AARCH64 NAMES qemu-aarch64 qemu-aarch64-static)
if(BITNET_ARCHITECTURE STREQUAL aarch64)
  return()
endif()
if(AARCH64_GXX AND QEMU_AARCH64 AND EXISTS ${gtest_source}/src/gtest-all.cc)
  set(flags -std=c++23 -O1 -ffp-contract=off -fno-math-errno -DFMT_HEADER_ONLY -I${CMAKE_SOURCE_DIR} -I${CMAKE_CURRENT_BINARY_DIR}/foreign_floats
            -I${gtest_source}/include -idirafter /usr/include)
  set(gtest ${CMAKE_CURRENT_BINARY_DIR}/aarch64_gtest.o)
  add_custom_command(OUTPUT ${gtest}
    COMMAND ${BITNET_CCACHE} ${AARCH64_GXX} ${flags} -w -I${gtest_source} -c ${gtest_source}/src/gtest-all.cc -o ${gtest} VERBATIM)
  set(kernels)
  set(probes)
  foreach(level ${BITNET_FLOAT_ISA_aarch64})
    foreach(part vectors rope_store attention embed head head_quantized table)
      bitnet_template_object(object ../templates/float/${part}.c aarch64 ${level} foreign_float_${part}_${level}
                             -DBN_LEVEL=${level})
      list(APPEND kernels ${object})
    endforeach()
    bitnet_template_object(probe float_ops_probe.c aarch64 ${level} foreign_float_ops_probe_${level} -DBN_LEVEL=${level})
    list(APPEND probes ${probe})
  endforeach()
  bitnet_level_table(foreign_floats/float_tables.inc abi/floats.h BnFloatKernels bn_float_kernels ${BITNET_FLOAT_ISA_aarch64})
  bitnet_level_table(foreign_floats/float_ops_probes.inc tests/float_ops_probe.h FloatOpsProbe float_ops_probe ${BITNET_FLOAT_ISA_aarch64})
  set(ops_sources)
  set(ops_objects ${probes})
  foreach(what kernels attention head rows)
    set(${what}_sources ${CMAKE_SOURCE_DIR}/runtime/model/float_reference.cpp ${CMAKE_SOURCE_DIR}/runtime/model/row_reference.cpp
        ${CMAKE_SOURCE_DIR}/runtime/model/float_kernels.cpp ${CMAKE_SOURCE_DIR}/runtime/base/aligned_buffer.cpp)
    set(${what}_objects ${kernels})
  endforeach()
  set(programs)
  foreach(what kernels attention head rows ops)
    set(sources ${CMAKE_CURRENT_SOURCE_DIR}/float_${what}_test.cpp ${gtest_source}/src/gtest_main.cc
                ${CMAKE_SOURCE_DIR}/runtime/cpu/isa.cpp ${CMAKE_SOURCE_DIR}/runtime/cpu/features.cpp ${${what}_sources})
    set(program ${CMAKE_CURRENT_BINARY_DIR}/aarch64_float_${what}_test)
    # -w: a static getaddrinfo, which no test calls, makes the linker warn.
    add_custom_command(OUTPUT ${program}
      COMMAND ${AARCH64_GXX} ${flags} -w -static ${sources} ${${what}_objects} ${gtest} -Wl,--no-warnings -o ${program}
      DEPENDS ${sources} ${${what}_objects} ${gtest} float_inputs.h float_tables.h float_ops_probe.h VERBATIM)
    list(APPEND programs ${program})
    add_test(NAME aarch64_float_${what}_under_qemu COMMAND ${QEMU_AARCH64} ${program} --gtest_brief=1)
    set_tests_properties(aarch64_float_${what}_under_qemu PROPERTIES LABELS floats TIMEOUT 300)
  endforeach()
  add_custom_target(aarch64_float_programs ALL DEPENDS ${programs})
else()
  add_test(NAME aarch64_floats_under_qemu COMMAND ${CMAKE_COMMAND} -E echo
           "skipped: needs aarch64-linux-gnu-g++, qemu-aarch64 and /usr/src/googletest")
  set_tests_properties(aarch64_floats_under_qemu PROPERTIES SKIP_REGULAR_EXPRESSION "skipped" LABELS floats)
endif()
