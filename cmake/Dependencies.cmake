# Packaged libraries only. libsodium is the one that Debian 12 and 13 have too old:
# `make deps` unpacks Debian's newer package into .deps/, and we link it statically.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(CapnProto REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)

set(QNPC_SODIUM_MINIMUM 1.0.22)
file(GLOB QNPC_DEPS_SODIUM ${CMAKE_SOURCE_DIR}/.deps/usr/lib/*/libsodium.a)
add_library(qnpc_sodium INTERFACE)
add_library(qnpc::sodium ALIAS qnpc_sodium)
set_target_properties(qnpc_sodium PROPERTIES EXPORT_NAME sodium)
if(QNPC_DEPS_SODIUM)
  # Installed beside our libraries, since whoever builds on them has the older one.
  target_link_libraries(
    qnpc_sodium INTERFACE
      $<BUILD_INTERFACE:${QNPC_DEPS_SODIUM}>
      $<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${CMAKE_INSTALL_LIBDIR}/quicnprotochat/libsodium.a>)
  target_include_directories(qnpc_sodium SYSTEM INTERFACE
                             $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/.deps/usr/include>)
  install(FILES ${QNPC_DEPS_SODIUM} DESTINATION ${CMAKE_INSTALL_LIBDIR}/quicnprotochat)
  install(FILES ${CMAKE_SOURCE_DIR}/.deps/usr/share/doc/libsodium-dev/copyright
          DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright.libsodium)
else()
  pkg_check_modules(SODIUM IMPORTED_TARGET "libsodium>=${QNPC_SODIUM_MINIMUM}")
  if(NOT SODIUM_FOUND)
    message(FATAL_ERROR "libsodium ${QNPC_SODIUM_MINIMUM} or newer was not found. "
                        "Run `make deps`: it unpacks Debian's package into .deps/.")
  endif()
  target_link_libraries(qnpc_sodium INTERFACE PkgConfig::SODIUM)
endif()

if(QNPC_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(QNPC_BENCH)
  find_package(benchmark REQUIRED)
endif()
