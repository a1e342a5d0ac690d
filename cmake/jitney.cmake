# SPDX-License-Identifier: Apache-2.0
# One library a folder; the link line is the rule of who may use whom.

find_program(CCACHE ccache)
if(CCACHE)
  # What one checkout compiled serves the next one, wherever it lies.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

add_library(jitney_options INTERFACE)
target_include_directories(jitney_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(jitney_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside std::string and std::expected at -O2.
  target_compile_options(jitney_options INTERFACE
    -Wno-restrict -Wno-maybe-uninitialized -Wno-missing-field-initializers)
else()
  # clang reports the second inside libstdc++ 12's stable_sort.
  target_compile_options(jitney_options INTERFACE
    -Wno-missing-field-initializers -Wno-deprecated-declarations)
  # Links in a quarter of the time.
  target_link_options(jitney_options INTERFACE -fuse-ld=lld)
endif()
if(JITNEY_WERROR)
  target_compile_options(jitney_options INTERFACE -Werror)
endif()
if(JITNEY_SANITIZE)
  target_compile_options(jitney_options INTERFACE -fsanitize=${JITNEY_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(jitney_options INTERFACE -fsanitize=${JITNEY_SANITIZE})
endif()
set(library_options)
if(JITNEY_FUZZ)
  # What is fuzzed is the libraries themselves, and they say which branches an input took.
  set(library_options -fsanitize=fuzzer-no-link)
endif()

# jitney_library(name SOURCES a.cpp ... USES lib ...)
function(jitney_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC jitney_options ${ARG_USES})
  use_precompiled(${name} standard)
  target_compile_options(${name} PRIVATE ${library_options})
endfunction()

# tests_unit and so on build what the tests of a label need.
foreach(label unit contract threads sim mutant house script e2e)
  add_custom_target(tests_${label})
endforeach()

# jitney_test(name SOURCES a_test.cpp ... USES lib ... [LABEL unit|contract|e2e] [TIMEOUT seconds] [ONE_THREAD])
# ONE_THREAD: ThreadSanitizer has nothing to look at.
function(jitney_test name)
  if(NOT JITNEY_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "ONE_THREAD" "LABEL;TIMEOUT" "SOURCES;USES" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES} GTest::gtest_main Threads::Threads)
  use_precompiled(${name} testing)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set(labels ${ARG_LABEL})
  if(ARG_LABEL MATCHES "^(unit|contract)$" AND NOT ARG_ONE_THREAD)
    list(APPEND labels threads)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT})
  foreach(label ${labels})
    add_dependencies(tests_${label} ${name})
  endforeach()
endfunction()
