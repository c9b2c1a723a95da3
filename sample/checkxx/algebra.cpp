#include "calc.hpp"
#include "expect.hpp"
#include "interpolate.hpp"
#include "matrix.h"
#include "statistics.hpp"
#include "units.hpp"

#include <sstream>

void expect_algebra();

namespace {

std::size_t error_column(const char *text)
{
    try {
        calculate(text);
    } catch (const CalcError &error) {
        return error.column;
    }
    return 999;
}

} // namespace

void expect_algebra()
{
    EXPECT(Rational(1, 3) + Rational(1, 6), Rational(1, 2));
    EXPECT(Rational(2, -4), Rational(-1, 2));
    EXPECT(Rational::parse("-3/4") < Rational(-2, 3), true);
    EXPECT(calculate("1/2 + 3 * (2 - 1/3) : 5"), Rational(3, 2));
    EXPECT(error_column("1 + (2"), 6u);
    EXPECT(error_column("1 : (1/2 - 2/4)"), 2u);

    const Polynomial<Rational> parabola = interpolate({{0, 1}, {1, 3}, {2, 7}});
    EXPECT(parabola.degree(), 2);
    EXPECT(parabola(10), Rational(111));
    EXPECT(parabola.derivative()(Rational(1, 2)), Rational(2));
    EXPECT((parabola * parabola).degree(), 4);

    const double turn[4] = {0, -1, 1, 0};
    EXPECT(matrix_determinant(turn, 2), 1.0);

    const Length way = distance(20.0_m / 1.0_s, 1.0_m / 1.0_s / 1.0_s, 60.0_s);
    EXPECT(way.value(), 1600.0);

    std::ostringstream out;
    out << Statistics({22, 20, 24, 22, 1005, 21});
    EXPECT(out.str(), std::string("185.7 ± 401.4 (median 22.0)"));
}
