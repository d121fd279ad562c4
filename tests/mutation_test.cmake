# Proves that the tests can fail: builds codes/ with a planted bug (-DMUTATION=NAME, see POLYDOT_MUTATION) and its
# tests, runs those of the locator, and is content only if they fail. Run by ctest with cmake -P.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/mutated_build.cmake)
mutated_build(codes_test ON)

find_program(tests NAMES codes_test PATHS ${BUILD}/tests ${BUILD}/tests/${BUILD_TYPE} NO_DEFAULT_PATH REQUIRED)
execute_process(COMMAND ${tests} --gtest_filter=*Location* --gtest_fail_fast RESULT_VARIABLE code
                OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT output MATCHES "Running ([0-9]+) tests?")
  message(FATAL_ERROR "the tests of the locator did not run (${code}):\n${output}")
endif()
if(NOT CMAKE_MATCH_1 GREATER 0 OR NOT code EQUAL 1 OR NOT output MATCHES "\\[  FAILED  \\] [^\n]*")
  message(FATAL_ERROR "${MUTATION} was planted and nobody noticed (exit ${code}):\n${output}")
endif()
message(STATUS "${MUTATION} was noticed: ${CMAKE_MATCH_0}")
