# The loader of caches for AArch64, built from here and run under qemu by cache_load_test on a cache that was made here.
find_program(AARCH64_GXX aarch64-linux-gnu-g++)
find_program(QEMU_AARCH64 NAMES qemu-aarch64)
if(AARCH64_GXX AND QEMU_AARCH64 AND BITNET_ARCHITECTURE STREQUAL x86_64)
  set(sources ${CMAKE_CURRENT_SOURCE_DIR}/codegen/cache_probe.cpp)
  foreach(part base/aligned_buffer base/read_file kernel/cache_elf kernel/cache_load kernel/cache_path kernel/cache_vet
               kernel/kernel_name kernel/manifest kernel/problem kernel/product cpu/features cpu/fingerprint cpu/isa cpu/topology
               cpu/processor_caches)
    list(APPEND sources ${CMAKE_SOURCE_DIR}/runtime/${part}.cpp)
  endforeach()
  set(probe ${CMAKE_CURRENT_BINARY_DIR}/aarch64_cache_probe)
  add_custom_command(OUTPUT ${probe} DEPENDS ${sources} ${CMAKE_SOURCE_DIR}/runtime/kernel/cache.h
    COMMAND ${AARCH64_GXX} -std=c++23 -O1 -DFMT_HEADER_ONLY -I${CMAKE_SOURCE_DIR} -idirafter /usr/include ${sources} -ldl
            -o ${probe} VERBATIM)
  add_custom_target(cache_probe_program DEPENDS ${probe})
  add_dependencies(cache_load_test cache_probe_program)
  target_compile_definitions(cache_load_test PRIVATE
    BITNET_PROBE_AARCH64="${QEMU_AARCH64} -L /usr/aarch64-linux-gnu ${probe}")
endif()
