# Proves that the swarm can fail: builds the program with a planted bug (-DMUTATION=NAME, see POLYDOT_MUTATION), and
# is content only if one of RUNS simulated runs finds it; one at a time, for a run beside it may take long. Run by ctest
# with cmake -P.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/mutated_build.cmake)
mutated_build(polydot OFF)

execute_process(COMMAND ${BUILD}/polydot sim --seed ${SEED} --runs ${RUNS} --jobs 1 RESULT_VARIABLE code
                OUTPUT_VARIABLE output ERROR_QUIET)
if(NOT code EQUAL 1 OR NOT output MATCHES "seed ([0-9]+) failed: [^\n]*")
  message(FATAL_ERROR "${MUTATION} was planted and ${RUNS} runs did not notice (exit ${code}):\n${output}")
endif()
math(EXPR runs "${CMAKE_MATCH_1} - ${SEED} + 1")
message(STATUS "${MUTATION} was noticed in run ${runs}: ${CMAKE_MATCH_0}")
