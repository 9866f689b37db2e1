# Helpers that every room uses: one folder, one library target, one list of what it may use.

# What all of our C++ is compiled with. -ffp-contract=off is part of the numerics (docs/NUMERICS.md): no fused
# multiply-add but the ones that are written.
add_library(bitnet_options INTERFACE)
target_compile_options(bitnet_options INTERFACE -Wall -Wextra -Wconversion -Werror -ffp-contract=off
                                                -fno-math-errno "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
# GCC 12 warns of overlapping copies in std::string where there are none (GCC bug 105329).
target_compile_options(bitnet_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_include_directories(bitnet_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(bitnet_options INTERFACE BITNET_VERSION="${PROJECT_VERSION}")

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
# Debian's imported target is the shared library; the static AArch64 build takes fmt's headers.
if(CMAKE_EXE_LINKER_FLAGS MATCHES "-static")
  set(BITNET_FMT fmt::fmt-header-only)
else()
  set(BITNET_FMT fmt::fmt)
endif()

# bitnet_room(NAME SOURCES a.cpp b.cpp USES other_room third::party)
# Without SOURCES the room is headers only.
function(bitnet_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES" ${ARGN})
  if(ROOM_SOURCES)
    add_library(${name} STATIC ${ROOM_SOURCES})
    target_link_libraries(${name} PUBLIC bitnet_options ${BITNET_FMT} ${ROOM_USES})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE bitnet_options ${BITNET_FMT} ${ROOM_USES})
  endif()
endfunction()

# bitnet_test(NAME SOURCES a.cpp USES room LABELS fast TIMEOUT 60): one GoogleTest program, every case a ctest.
# BITNET_SOURCE_DIR is defined, so that a test finds models/ and tests/data.
function(bitnet_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;USES;LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  if(CMAKE_CROSSCOMPILING)  # emulated
    math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 10")
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE bitnet_options ${TEST_USES} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE BITNET_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                             BITNET_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}")
endfunction()
