# Our own code is warning-free; headers of others come in as SYSTEM and are not judged.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wold-style-cast
                    -Wno-missing-field-initializers)
# g++ sees unset memory in every kj::Maybe of a std::optional that it inlines.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
option(QNPC_WERROR "Treat warnings as errors" OFF)
if(QNPC_WERROR)
  add_compile_options(-Werror)
endif()
