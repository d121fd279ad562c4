# Content only if one of RUNS simulated runs of the program POLYDOT finds the planted BUG. Run by ctest with cmake -P.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${POLYDOT} sim --seed ${SEED} --runs ${RUNS} --jobs 1 RESULT_VARIABLE code
                OUTPUT_VARIABLE output ERROR_QUIET)
if(NOT code EQUAL 1 OR NOT output MATCHES "seed ([0-9]+) failed: [^\n]*")
  message(FATAL_ERROR "${BUG} was planted and ${RUNS} runs did not notice (exit ${code}):\n${output}")
endif()
math(EXPR runs "${CMAKE_MATCH_1} - ${SEED} + 1")
message(STATUS "${BUG} was noticed in run ${runs}: ${CMAKE_MATCH_0}")
