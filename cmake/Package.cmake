# The CMake package of core: find_package(quicnprotochat), then link qnpc::mls or another of them.
# noise_stream is not among them: it would bring Cap'n Proto into everybody's build.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/quicnprotochat)
qnpc_install_rooms(base crypto codec noise mls group)
install(TARGETS qnpc_sodium EXPORT quicnprotochat)
install(EXPORT quicnprotochat NAMESPACE qnpc:: FILE quicnprotochatTargets.cmake
        DESTINATION ${package_dir})

if(TARGET PkgConfig::SODIUM)
  set(find_sodium "find_dependency(PkgConfig)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=${QNPC_SODIUM_MINIMUM})")
endif()
file(CONFIGURE OUTPUT quicnprotochatConfig.cmake @ONLY CONTENT [=[
include(CMakeFindDependencyMacro)
find_dependency(OpenSSL 3.0)
find_dependency(Threads)
@find_sodium@
include(${CMAKE_CURRENT_LIST_DIR}/quicnprotochatTargets.cmake)
]=])
# Before 1.0 each minor version may change the interface.
write_basic_package_version_file(quicnprotochatConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/quicnprotochatConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/quicnprotochatConfigVersion.cmake
        DESTINATION ${package_dir})
