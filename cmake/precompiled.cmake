# SPDX-License-Identifier: Apache-2.0
# JITNEY_PCH (clang only): half of what the compiler does for a file is to read the standard library and gtest; here
# they are read once. Only some presets do this: the others notice a forgotten #include.
# CMake's own target_precompile_headers writes this checkout's path into each command and each header file, so that
# ccache would serve no other checkout. This has no path of ours in it: the same bytes everywhere.
if(JITNEY_PCH AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "JITNEY_PCH needs clang: g++ 12 warns falsely of what it finds in precompiled headers")
endif()

# The compiler wants a file besides what it includes: glibc's has comments and a few macros that it reads anyway.
set(empty_header /usr/include/stdc-predef.h)
set(standard_headers
  algorithm array charconv chrono cstdint expected functional map memory mutex optional ostream set span
  string string_view thread utility variant vector)

# precompiled(name OPTIONS option ... HEADERS header ...): target precompiled_<name> makes <name>.pch in the build
# folder. The options are those that its users have besides jitney_options'.
function(precompiled name)
  cmake_parse_arguments(ARG "" "" "OPTIONS;HEADERS" ${ARGN})
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}")
  list(TRANSFORM ARG_HEADERS PREPEND "-include;" OUTPUT_VARIABLE includes)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${name}.pch
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} ${CMAKE_CXX23_STANDARD_COMPILE_OPTION}
      $<TARGET_PROPERTY:jitney_options,INTERFACE_COMPILE_OPTIONS> ${ARG_OPTIONS}
      -Xclang -fno-pch-timestamp -fpch-instantiate-templates ${includes} -x c++-header ${empty_header}
      -MD -MF ${PROJECT_BINARY_DIR}/${name}.pch.d -o ${PROJECT_BINARY_DIR}/${name}.pch
    DEPFILE ${PROJECT_BINARY_DIR}/${name}.pch.d
    WORKING_DIRECTORY /  # which is written into the file
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Precompiling ${name}.pch")
  add_custom_target(precompiled_${name} DEPENDS ${PROJECT_BINARY_DIR}/${name}.pch)
endfunction()

if(JITNEY_PCH)
  precompiled(standard OPTIONS ${library_options} HEADERS ${standard_headers})
  if(JITNEY_TESTS)
    # As GTest::gtest tells its users.
    precompiled(testing OPTIONS -DGTEST_HAS_PTHREAD=1 HEADERS ${standard_headers} gmock/gmock.h gtest/gtest.h)
  endif()
endif()

# use_precompiled(target name): what the target compiles begins with these headers.
function(use_precompiled target name)
  if(NOT JITNEY_PCH)
    return()
  endif()
  # The compiler runs in the build folder.
  target_compile_options(${target} PRIVATE "SHELL:-include-pch ${name}.pch")
  get_target_property(sources ${target} SOURCES)
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${PROJECT_BINARY_DIR}/${name}.pch)
  add_dependencies(${target} precompiled_${name})
endfunction()
