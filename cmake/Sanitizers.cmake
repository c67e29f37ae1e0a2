# QNPC_SANITIZE=address,undefined or =thread: presets asan and tsan. The first report ends the
# program, so that a test cannot pass beside it. -O1 keeps the stack traces and halves the run time.
set(QNPC_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")
if(QNPC_SANITIZE)
  add_compile_options(-O1 -fsanitize=${QNPC_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  if(QNPC_SANITIZE MATCHES undefined)
    # This check probes memory through a pipe, and reports every object where descriptors have run
    # out: which is what one of our tests does to the server.
    add_compile_options(-fno-sanitize=vptr)
  endif()
  add_link_options(-fsanitize=${QNPC_SANITIZE})
  if(QNPC_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
endif()
