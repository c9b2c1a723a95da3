// A calculator for fractions, made of small parsers.
#pragma once

#include "rational.hpp"

#include <stdexcept>
#include <string_view>

struct CalcError : std::runtime_error {
    CalcError(const std::string &what, std::size_t column) : std::runtime_error(what), column(column) {}
    std::size_t column;
};

Rational calculate(std::string_view text); // throws CalcError
