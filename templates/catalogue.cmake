# The catalogue of kernel templates: one instance a line. The runtime's built-in kernels (templates/CMakeLists.txt) and the
# tuner's embedded bitcode (codegen/) are both made from it.
#
#   kernel   kernels/<kernel>.c
#   packing  packings/<packing>.h
#   form     forms/<form>.h
#   isa      cmake/isa.cmake, isa/vec_<isa>.h
#   tokens   the class of M that it is written for, min-max; * is no limit
#   role     default: the built-in choice of its level for that class; extra: in the catalogue, but not chosen untuned;
#            test: in BITNET_TEST_CATALOGUE, which no program embeds, but the tests' own
#   then parameters in the order of the kernel's name, name=default:choice,choice,... (params.h has their meaning). Not
#   every combination fits: the kernel's facts say which does not, and why.
set(BITNET_CATALOGUE "")
set(BITNET_TEST_CATALOGUE "")
function(bitnet_instance kernel packing form isa tokens role)
  if(NOT DEFINED BITNET_LAYOUT_${packing})
    message(FATAL_ERROR "catalogue: packing ${packing} of ${kernel} has no bitnet_packing()")
  endif()
  string(JOIN " " parameters ${ARGN})
  set(list BITNET_CATALOGUE)
  if(role STREQUAL test)
    set(list BITNET_TEST_CATALOGUE)
  endif()
  list(APPEND ${list} "${kernel}|${packing}|${form}|${isa}|${tokens}|${role}|${parameters}")
  set(${list} "${${list}}" PARENT_SCOPE)
endfunction()

# bitnet_packing(NAME parameter...): the parameters that fix the bytes of packings/<NAME>.h, in the order in which its
# packing_layout() states their values: what must be known of a kernel before it is compiled. A test compares the two.
function(bitnet_packing packing)
  set(BITNET_LAYOUT_${packing} "${ARGN}" PARENT_SCOPE)
endfunction()

bitnet_packing(t2 r)
bitnet_packing(tl1 r)
bitnet_packing(tl2 r)
bitnet_packing(b8 r)

bitnet_instance(gemv t2 rows scalar     1-1 default r=16:16 s=1:1 u=1:1 pf=0:0 ph=0:0)
bitnet_instance(gemv t2 rows ssse3      1-1 default r=16:16,32 s=2:1,2 u=1:1,2 pf=4096:0,1024,2048,4096,8192 ph=0:0,2)
bitnet_instance(gemv t2 rows avx2       1-1 default r=16:16,32 s=2:1,2 u=2:1,2,4 pf=4096:0,1024,2048,4096,8192 ph=0:0,2)
bitnet_instance(gemv t2 rows avxvnni    1-1 default r=16:16,32 s=4:1,2,4 u=1:1,2,4 pf=4096:0,1024,2048,4096,8192 ph=0:0,2)
bitnet_instance(gemv t2 rows avx512vnni 1-1 default r=32:16,32,64 s=4:1,4 u=1:1,2,4 pf=4096:0,1024,2048,4096,8192 ph=0:0,2)
bitnet_instance(gemv t2 rows neon       1-1 default r=16:16,32 s=2:1,2 u=1:1,2 pf=0:0,1024,2048 ph=0:0,2)
bitnet_instance(gemv t2 rows dotprod    1-1 default r=16:16,32 s=3:1,2,3 u=1:1,2,4 pf=0:0,1024,2048 ph=0:0,2)

bitnet_instance(small t2 rows scalar     2-* default r=16:16 t=8:8 c=2:2 k=0:0 u=1:1 pf=0:0)
bitnet_instance(small t2 rows ssse3      2-* extra r=16:16,32 t=8:4,8 c=4:2,4,6,8 k=0:0,1024 u=1:1,2 pf=4096:0,4096)
bitnet_instance(small t2 rows avx2       2-* extra r=16:16,32 t=8:8,16 c=8:2,4,6,8 k=0:0,1024 u=1:1,2 pf=4096:0,4096)
bitnet_instance(small t2 rows avxvnni    2-* default r=16:16,32 t=16:8,16 c=5:4,5,6,8 k=0:0,1024 u=1:1,2 pf=4096:0,4096)
bitnet_instance(small t2 rows avx512vnni 2-* default r=32:16,32,64 t=32:16,32 c=8:4,6,8,10 k=0:0,1024 u=1:1,2 pf=4096:0,4096)
bitnet_instance(small t2 rows neon       2-* default r=16:16,32 t=8:4,8 c=4:2,4,6,8 k=0:0,1024 u=1:1,2 pf=0:0,2048)
bitnet_instance(small t2 rows dotprod    2-* default r=16:16,32 t=8:4,8,16 c=8:4,6,8 k=0:0,1024 u=1:1,2 pf=0:0,2048)

bitnet_instance(batch t2 rows scalar     2-* extra r=16:16 t=8:8 c=2:2 b=8:8 k=16:16 u=1:1 pf=0:0)
bitnet_instance(batch t2 rows ssse3      2-* default r=16:16,32 t=8:4,8 c=4:2,4 b=32:16,32 k=32:16,32 u=1:1 pf=128:0,128,256)
bitnet_instance(batch t2 rows avx2       2-* default r=16:16,32 t=8:8,16 c=8:4,6,8 b=32:16,32 k=32:16,32,64 u=1:1 pf=128:0,128,256)
bitnet_instance(batch t2 rows neon       2-* extra r=16:16,32 t=8:4,8 c=4:4,6 b=32:16,32 k=32:16,32 u=1:1 pf=0:0,256)

bitnet_instance(lut tl1 rows scalar     1-* extra r=16:16 k=768:768 u=1:1 e=0:0 d=0:0 pf=0:0)
bitnet_instance(lut tl1 rows ssse3      1-* extra r=16:16,32,64 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0 pf=4096:0,4096)
bitnet_instance(lut tl1 rows avx2       1-* extra r=32:32,64,128 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0,1 pf=4096:0,4096)
bitnet_instance(lut tl1 rows avx512vnni 1-* extra r=64:64,128,256 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0,1 pf=4096:0,4096)
bitnet_instance(lut tl1 rows neon       1-* extra r=16:16,32,64 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0 pf=0:0,2048)
bitnet_instance(lut tl2 rows scalar     1-* extra r=16:16 k=768:768 u=1:1 e=0:0 d=0:0 pf=0:0)
bitnet_instance(lut tl2 rows ssse3      1-* extra r=16:16,32,64 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0 pf=4096:0,4096)
bitnet_instance(lut tl2 rows avx2       1-* extra r=32:32,64,128 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0,1 pf=4096:0,4096)
bitnet_instance(lut tl2 rows avx512vnni 1-* extra r=64:64,128,256 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0,1 pf=4096:0,4096)
bitnet_instance(lut tl2 rows neon       1-* extra r=16:16,32,64 k=768:0,768,1536 u=1:1,2 e=1:0,1 d=0:0 pf=0:0,2048)

# Another packing of codes under the same kernels.
bitnet_instance(gemv  b8 rows scalar     1-1 test r=16:16 s=1:1 u=1:1 pf=0:0 ph=0:0)
bitnet_instance(gemv  b8 rows ssse3      1-1 test r=16:16,32 s=1:1 u=2:1,2,4 pf=0:4096,0 ph=0:0,2)
bitnet_instance(gemv  b8 rows avx2       1-1 test r=16:16,32 s=1:1 u=2:1,2,4 pf=0:4096,0 ph=0:0,2)
bitnet_instance(gemv  b8 rows avx512vnni 1-1 test r=32:16,32,64 s=1:1 u=4:1,2,4 pf=0:4096,0 ph=0:0,2)
bitnet_instance(gemv  b8 rows neon       1-1 test r=16:16,32 s=1:1 u=2:1,2,4 pf=0:0 ph=0:0,2)
bitnet_instance(gemv  b8 rows dotprod    1-1 test r=16:16,32 s=1:1 u=2:1,2,4 pf=0:0 ph=0:0,2)
bitnet_instance(small b8 rows scalar     2-* test r=16:16 t=8:8 c=2:2 k=0:0 u=1:1 pf=0:0)
bitnet_instance(small b8 rows avx2       2-* test r=16:16,32 t=8:8,16 c=8:2,4,6,8 k=0:0,1024 u=2:1,2 pf=0:0)
bitnet_instance(small b8 rows avx512vnni 2-* test r=32:16,32,64 t=32:16,32 c=8:4,6,8 k=0:0,1024 u=4:1,4 pf=0:0)

# bitnet_instance_fields(ENTRY): splits an entry into variables of the caller:
#   kernel packing form isa m_min m_max role
#   parameters  "r=32 s=4"            defaults, in order
#   choices     "r=16,32,64 s=1,4"
#   name        gemv_t2_avx512vnni__r32_s4
#   layout      r                     parameters that fix the packed bytes, a list
#   key         t2_r32                the packing and their values
#   macros      -DP_r=32 -DP_s=4      a list
#   flags       -DBN_ISA=… -DBN_PACKING=… and what else kernels/kernel.h names, a list
function(bitnet_instance_fields entry)
  string(REPLACE "|" ";" fields "${entry}")
  list(POP_FRONT fields kernel packing form isa tokens role all)
  string(REGEX REPLACE "-.*" "" m_min "${tokens}")
  string(REGEX REPLACE ".*-" "" m_max "${tokens}")
  string(REPLACE "*" BN_ANY_TOKENS m_max "${m_max}")
  string(REGEX REPLACE ":[^ ]*" "" parameters "${all}")
  string(REGEX REPLACE "=[0-9]+:" "=" choices "${all}")
  set(layout ${BITNET_LAYOUT_${packing}})
  set(key ${packing})
  foreach(parameter ${layout})
    string(REGEX MATCH "(^| )${parameter}=([0-9]+)" found "${parameters}")
    string(APPEND key _${parameter}${CMAKE_MATCH_2})
  endforeach()
  string(REPLACE "=" "" suffix "${parameters}")
  string(REPLACE " " "_" suffix "${suffix}")
  set(name "${kernel}_${packing}_${isa}__${suffix}")
  string(REPLACE " " ";" macros "${parameters}")
  list(TRANSFORM macros PREPEND "-DP_")
  set(flags -DBN_ISA=${isa} -DBN_PACKING=${packing} -DBN_FORM=${form} -DBN_TOKENS_MIN=${m_min}
            -DBN_TOKENS_MAX=${m_max})
  foreach(variable kernel packing form isa m_min m_max role parameters choices name layout key macros flags)
    set(${variable} "${${variable}}" PARENT_SCOPE)
  endforeach()
endfunction()
