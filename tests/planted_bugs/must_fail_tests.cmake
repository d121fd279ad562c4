# Content only if the tests of the locator fail in the program TESTS, where BUG is planted. Run by ctest with cmake -P.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${TESTS} --gtest_filter=*Location* --gtest_fail_fast RESULT_VARIABLE code
                OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT output MATCHES "Running ([0-9]+) tests?")
  message(FATAL_ERROR "the tests of the locator did not run (${code}):\n${output}")
endif()
if(NOT CMAKE_MATCH_1 GREATER 0 OR NOT code EQUAL 1 OR NOT output MATCHES "\\[  FAILED  \\] [^\n]*")
  message(FATAL_ERROR "${BUG} was planted and nobody noticed (exit ${code}):\n${output}")
endif()
message(STATUS "${BUG} was noticed: ${CMAKE_MATCH_0}")
