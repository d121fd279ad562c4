# One simulated run whose seed is the commit at hand: every commit meets another. Run by ctest with cmake -P.
cmake_minimum_required(VERSION 3.25)

find_package(Git QUIET)
execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE} rev-parse --short=8 HEAD RESULT_VARIABLE code
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT GIT_FOUND OR NOT code EQUAL 0)
  message(STATUS "SKIPPED: there is no commit here to take the seed from")
  return()
endif()
string(SUBSTRING ${commit} 0 8 commit)
math(EXPR seed "0x${commit}")
execute_process(COMMAND ${POLYDOT} sim --seed ${seed} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_QUIET)
message(STATUS "commit ${commit}, seed ${seed}:\n${output}")
if(NOT code EQUAL 0)
  message(FATAL_ERROR "the run of this commit failed (exit ${code})")
endif()
