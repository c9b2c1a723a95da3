// Exact fractions, always in lowest terms and with a positive denominator.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

class Rational {
public:
    Rational(std::int64_t numerator = 0, std::int64_t denominator = 1);

    std::int64_t numerator() const { return numerator_; }
    std::int64_t denominator() const { return denominator_; }

    Rational operator-() const { return {-numerator_, denominator_}; }
    friend Rational operator+(const Rational &left, const Rational &right);
    friend Rational operator-(const Rational &left, const Rational &right) { return left + -right; }
    friend Rational operator*(const Rational &left, const Rational &right);
    friend Rational operator/(const Rational &left, const Rational &right);
    friend bool operator==(const Rational &left, const Rational &right);
    friend bool operator<(const Rational &left, const Rational &right);

    static Rational parse(const std::string &text); // "3", "-3/4"; throws std::invalid_argument

private:
    std::int64_t numerator_, denominator_;
};

std::ostream &operator<<(std::ostream &out, const Rational &number);
