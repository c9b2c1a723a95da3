#include "rational.hpp"

#include <numeric>
#include <ostream>
#include <stdexcept>

Rational::Rational(std::int64_t numerator, std::int64_t denominator)
{
    if (denominator == 0)
        throw std::domain_error("a fraction over zero");
    const std::int64_t sign = denominator < 0 ? -1 : 1;
    const std::int64_t common = std::gcd(numerator, denominator);
    numerator_ = sign * numerator / common;
    denominator_ = sign * denominator / common;
}

Rational operator+(const Rational &left, const Rational &right)
{
    const std::int64_t common = std::gcd(left.denominator_, right.denominator_);
    const std::int64_t scale = right.denominator_ / common;
    return {left.numerator_ * scale + right.numerator_ * (left.denominator_ / common),
            left.denominator_ * scale};
}

Rational operator*(const Rational &left, const Rational &right)
{
    return {left.numerator_ * right.numerator_, left.denominator_ * right.denominator_};
}

Rational operator/(const Rational &left, const Rational &right)
{
    return {left.numerator_ * right.denominator_, left.denominator_ * right.numerator_};
}

bool operator==(const Rational &left, const Rational &right)
{
    return left.numerator_ == right.numerator_ && left.denominator_ == right.denominator_;
}

bool operator<(const Rational &left, const Rational &right)
{
    return (left - right).numerator_ < 0;
}

Rational Rational::parse(const std::string &text)
{
    std::size_t used = 0;
    const std::int64_t numerator = std::stoll(text, &used);
    if (used == text.size())
        return numerator;
    if (text[used] != '/')
        throw std::invalid_argument("no fraction: " + text);
    const std::string rest = text.substr(used + 1);
    const std::int64_t denominator = std::stoll(rest, &used);
    if (used != rest.size())
        throw std::invalid_argument("no fraction: " + text);
    return {numerator, denominator};
}

std::ostream &operator<<(std::ostream &out, const Rational &number)
{
    out << number.numerator();
    if (number.denominator() != 1)
        out << '/' << number.denominator();
    return out;
}
