# SPDX-License-Identifier: Apache-2.0
# JITNEY_STATIC: everything but the C library goes into the executable, so that what is built here
# runs on Amazon Linux 2023, which has glibc 2.34 and none of our libraries. Included before and
# after the find_package calls: prepare_static_libraries(), then use_static_libraries().
macro(prepare_static_libraries)
  set(OPENSSL_USE_STATIC_LIBS TRUE)
  set(Boost_USE_STATIC_LIBS ON)
  # Debian has no static tomlplusplus; its headers are complete.
  find_path(JITNEY_TOML_HEADERS toml++/toml.h REQUIRED)
  add_library(tomlplusplus::tomlplusplus INTERFACE IMPORTED)
  set_target_properties(tomlplusplus::tomlplusplus PROPERTIES
    INTERFACE_COMPILE_DEFINITIONS TOML_HEADER_ONLY=1
    INTERFACE_INCLUDE_DIRECTORIES "${JITNEY_TOML_HEADERS}")
endmacro()

macro(use_static_libraries)
  set_target_properties(pugixml::pugixml PROPERTIES INTERFACE_LINK_LIBRARIES pugixml::static)
  set_target_properties(spdlog::spdlog_header_only PROPERTIES
    INTERFACE_LINK_LIBRARIES "Threads::Threads;fmt::fmt-header-only")
endmacro()
