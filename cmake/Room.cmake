# A room is one static library whose headers only those who link it can include.
#
#   qnpc_room(codec SOURCES reader.cc LINKS qnpc::base TESTS reader_test.cc TEST_LINKS ...)
#
# Headers of core/codec are included as "qnpc/codec/reader.h". Each room has an include root of its
# own (a folder in the build tree holding one link to the room), so an include of a room that is not
# among LINKS does not compile. PRIVATE_LINKS are for libraries that the headers do not show.
function(qnpc_room room)
  cmake_parse_arguments(ARG "" "PREFIX" "SOURCES;LINKS;PRIVATE_LINKS;TESTS;TEST_LINKS" ${ARGN})
  if(NOT DEFINED ARG_PREFIX)
    set(ARG_PREFIX qnpc)
  endif()
  set(include_root ${CMAKE_BINARY_DIR}/rooms/${room})
  file(MAKE_DIRECTORY ${include_root}/${ARG_PREFIX})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${include_root}/${ARG_PREFIX}/${room} SYMBOLIC)

  add_library(qnpc_${room} STATIC ${ARG_SOURCES})
  add_library(qnpc::${room} ALIAS qnpc_${room})
  set_target_properties(qnpc_${room} PROPERTIES EXPORT_NAME ${room})
  target_compile_features(qnpc_${room} PUBLIC cxx_std_20)
  target_include_directories(
    qnpc_${room} PUBLIC $<BUILD_INTERFACE:${include_root}>
                        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(qnpc_${room} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})

  if(QNPC_TESTS AND ARG_TESTS)
    qnpc_test(${room}_test SOURCES ${ARG_TESTS} LINKS qnpc::${room} ${ARG_TEST_LINKS})
  endif()
endfunction()

# One GoogleTest executable. Vectors are read from $QNPC_VECTORS.
function(qnpc_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name} NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
endfunction()

# One benchmark program; `make bench` runs all of them.
function(qnpc_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/benchmarks)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} benchmark::benchmark)
endfunction()

# Rooms that others may build on: headers, library and a target qnpc::NAME of the CMake package.
function(qnpc_install_rooms)
  foreach(room IN LISTS ARGN)
    get_target_property(folder qnpc_${room} SOURCE_DIR)
    file(GLOB headers CONFIGURE_DEPENDS ${folder}/*.h)
    list(FILTER headers EXCLUDE REGEX "/stream[a-z_]*[.]h$")  # of noise_stream, which is no room
    list(FILTER headers EXCLUDE REGEX "_test_[a-z]+[.]h$")  # for tests only
    install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/qnpc/${room})
    install(TARGETS qnpc_${room} EXPORT quicnprotochat)
  endforeach()
endfunction()
