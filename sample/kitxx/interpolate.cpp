#include "interpolate.hpp"

// Lagrange's form: a sum of polynomials, each of them right at one point and zero at the others.
Polynomial<Rational> interpolate(const std::vector<Point> &points)
{
    Polynomial<Rational> result({});
    for (std::size_t i = 0; i < points.size(); ++i) {
        Polynomial<Rational> basis({points[i].second});
        for (std::size_t j = 0; j < points.size(); ++j) {
            if (i == j)
                continue;
            const Rational span = points[i].first - points[j].first;
            basis = basis * Polynomial<Rational>({-points[j].first / span, Rational(1) / span});
        }
        result = result + basis;
    }
    return result;
}
