// The polynomial through given points, exactly.
#pragma once

#include "polynomial.hpp"
#include "rational.hpp"

#include <utility>
#include <vector>

using Point = std::pair<Rational, Rational>;

// Throws std::domain_error where two points share an x.
Polynomial<Rational> interpolate(const std::vector<Point> &points);
