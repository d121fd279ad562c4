// What a failure says.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "codes/base/result.h"

namespace polydot {

// One line, of the kind `kind`, that says each of `parts`.
template <typename T>
void expect_failure(const Result<T>& result, FailureKind kind,
                    std::initializer_list<std::string_view> parts) {
  ASSERT_FALSE(result.ok());
  const std::string& message = result.failure().message;
  EXPECT_EQ(result.failure().kind, kind) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  for (const std::string_view part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "'" << part << "' is missing in: " << message;
}

}  // namespace polydot
