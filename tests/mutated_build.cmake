# mutated_build(target tests): builds `target` with the planted bug -DMUTATION=NAME (see POLYDOT_MUTATION) in a build
# folder of its own; tests: ON or OFF. For scripts that ctest runs with cmake -P.
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)

function(must_work what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} (${code}):\n${output}")
  endif()
endfunction()

function(mutated_build target tests)
  must_work("the mutated build does not configure"
            ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -G ${GENERATOR} -DPOLYDOT_MUTATION=${MUTATION}
            -DPOLYDOT_TESTS=${tests} -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DPOLYDOT_ARCH=${ARCH}
            -DPOLYDOT_REPRODUCIBLE=${REPRODUCIBLE}
            -DPOLYDOT_SANITIZE=${SANITIZE} -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
  must_work("the mutated build does not compile"
            ${CMAKE_COMMAND} --build ${BUILD} --config ${BUILD_TYPE} --target ${target} --parallel ${cores})
endfunction()
