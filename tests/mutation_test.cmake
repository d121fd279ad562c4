# Proves that the tests can fail: builds codes/ with a planted bug (-DMUTATION=NAME, see POLYDOT_MUTATION) and its
# tests, runs those of the locator, and is content only if they fail. Run by ctest with cmake -P.
cmake_minimum_required(VERSION 3.25)
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)

function(must_work what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} (${code}):\n${output}")
  endif()
endfunction()

must_work("the mutated build does not configure"
          ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -G ${GENERATOR} -DPOLYDOT_MUTATION=${MUTATION} -DPOLYDOT_TESTS=ON
          -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DPOLYDOT_ARCH=${ARCH} -DPOLYDOT_SANITIZE=${SANITIZE}
          -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
must_work("the mutated build does not compile"
          ${CMAKE_COMMAND} --build ${BUILD} --config ${BUILD_TYPE} --target codes_test --parallel ${cores})

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
