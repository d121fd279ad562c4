# Proves that the swarm can fail: builds the program with a planted bug (-DMUTATION=NAME, see POLYDOT_MUTATION), and
# is content only if one of RUNS simulated runs finds it; one at a time, for a run beside it may take long. Run by ctest
# with cmake -P.
cmake_minimum_required(VERSION 3.25)
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)

function(must_work what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} (${code}):\n${output}")
  endif()
endfunction()

must_work("the mutated build does not configure"
          ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -G ${GENERATOR} -DPOLYDOT_MUTATION=${MUTATION} -DPOLYDOT_TESTS=OFF
          -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DPOLYDOT_ARCH=${ARCH} -DPOLYDOT_SANITIZE=${SANITIZE}
          -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
must_work("the mutated build does not compile"
          ${CMAKE_COMMAND} --build ${BUILD} --config ${BUILD_TYPE} --target polydot --parallel ${cores})

execute_process(COMMAND ${BUILD}/polydot sim --seed ${SEED} --runs ${RUNS} --jobs 1 RESULT_VARIABLE code
                OUTPUT_VARIABLE output ERROR_QUIET)
if(NOT code EQUAL 1 OR NOT output MATCHES "seed ([0-9]+) failed: [^\n]*")
  message(FATAL_ERROR "${MUTATION} was planted and ${RUNS} runs did not notice (exit ${code}):\n${output}")
endif()
math(EXPR runs "${CMAKE_MATCH_1} - ${SEED} + 1")
message(STATUS "${MUTATION} was noticed in run ${runs}: ${CMAKE_MATCH_0}")
