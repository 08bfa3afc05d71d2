# Warnings and hardening, carried by one interface target so that no directory sets flags of its own.
add_library(chb_flags INTERFACE)

# <agent/core/...>, <qmp/...> and so on: the folder name is part of every include.
target_include_directories(chb_flags INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/generated")
target_compile_definitions(chb_flags INTERFACE _GNU_SOURCE CHB_VERSION="${PROJECT_VERSION}")

target_compile_options(chb_flags INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wswitch-enum -Wformat=2 -Wvla
  -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
  -fno-common -fstack-protector-strong -fstack-clash-protection -fPIE)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(chb_flags INTERFACE -fcf-protection)
endif()
if(CHB_WERROR)
  target_compile_options(chb_flags INTERFACE -Werror)
endif()
target_link_options(chb_flags INTERFACE -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)

# Asserts are for our own errors, and stay on in production: an agent that has lost its mind must not go
# on deciding.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config} "${CMAKE_C_FLAGS_${config}}")
endforeach()

# _FORTIFY_SOURCE needs optimisation, and the sanitizers bring checks of their own.
if(CHB_SANITIZE)
  target_compile_options(chb_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(chb_flags INTERFACE -fsanitize=address,undefined)
  if(CHB_FUZZ) # coverage for libFuzzer in every file; only the targets in tests/fuzz link its main()
    target_compile_options(chb_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(chb_flags INTERFACE -fsanitize=fuzzer-no-link)
  endif()
else()
  target_compile_options(chb_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
