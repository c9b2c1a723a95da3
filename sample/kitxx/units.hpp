// Physical quantities: what cannot be added does not compile.
#pragma once

template <int Metres, int Seconds>
class Quantity {
public:
    constexpr explicit Quantity(double value) : value_(value) {}
    constexpr double value() const { return value_; }

    friend constexpr Quantity operator+(Quantity left, Quantity right)
    {
        return Quantity(left.value_ + right.value_);
    }
    friend constexpr bool operator<(Quantity left, Quantity right) { return left.value_ < right.value_; }

private:
    double value_;
};

template <int M1, int S1, int M2, int S2>
constexpr Quantity<M1 + M2, S1 + S2> operator*(Quantity<M1, S1> left, Quantity<M2, S2> right)
{
    return Quantity<M1 + M2, S1 + S2>(left.value() * right.value());
}

template <int M1, int S1, int M2, int S2>
constexpr Quantity<M1 - M2, S1 - S2> operator/(Quantity<M1, S1> left, Quantity<M2, S2> right)
{
    return Quantity<M1 - M2, S1 - S2>(left.value() / right.value());
}

using Length = Quantity<1, 0>;
using Time = Quantity<0, 1>;
using Speed = Quantity<1, -1>;
using Acceleration = Quantity<1, -2>;

constexpr Length operator""_m(long double value) { return Length(static_cast<double>(value)); }
constexpr Time operator""_s(long double value) { return Time(static_cast<double>(value)); }

// How far a train goes that speeds up, rolls, and brakes again.
Length distance(Speed top, Acceleration change, Time rolling);
