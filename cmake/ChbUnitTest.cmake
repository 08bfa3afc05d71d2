# chb_unit_test(NAME SOURCES file... LIBS target... [ARGS arg...])
# One executable, one ctest entry, label "unit", killed after ten minutes: nothing in a unit test
# waits for the world, but the machine may be busy.
function(chb_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS;ARGS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE chb_flags PkgConfig::CMOCKA ${arg_LIBS})
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()
