# Optimised builds face hostile input: a memory error that slipped through should stop the process,
# not be exploited. Sanitizer builds are Debug, where these would only stand in the way.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

string(JOIN "," optimised Release RelWithDebInfo MinSizeRel)
add_compile_options("$<$<CONFIG:${optimised}>:-fstack-protector-strong;-fstack-clash-protection>")
add_compile_definitions("$<$<CONFIG:${optimised}>:_FORTIFY_SOURCE=2;_GLIBCXX_ASSERTIONS>")
add_link_options("$<$<CONFIG:${optimised}>:LINKER:-z,relro,-z,now>")
