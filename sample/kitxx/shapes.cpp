#include "shapes.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>
#include <utility>

namespace {

class Circle final : public Shape {
public:
    Circle(double x, double y, double radius) : x_(x), y_(y), radius_(radius) {}
    double area() const override { return std::acos(-1.0) * radius_ * radius_; }
    Box bounds() const override { return {x_ - radius_, y_ - radius_, x_ + radius_, y_ + radius_}; }
    std::string name() const override { return "circle"; }

private:
    double x_, y_, radius_;
};

constexpr double infinity = std::numeric_limits<double>::infinity();

Box united(const Box &a, const Box &b)
{
    return {std::min(a.left, b.left), std::min(a.bottom, b.bottom), std::max(a.right, b.right),
            std::max(a.top, b.top)};
}

class Polygon final : public Shape {
public:
    explicit Polygon(std::vector<std::pair<double, double>> corners) : corners_(std::move(corners)) {}

    // Gauss's area formula.
    double area() const override
    {
        double twice = 0;
        for (std::size_t i = 0; i < corners_.size(); ++i) {
            const auto &[x, y] = corners_[i];
            const auto &[next_x, next_y] = corners_[(i + 1) % corners_.size()];
            twice += x * next_y - next_x * y;
        }
        return std::abs(twice) / 2;
    }

    Box bounds() const override
    {
        Box box{infinity, infinity, -infinity, -infinity};
        for (const auto &[x, y] : corners_)
            box = united(box, {x, y, x, y});
        return box;
    }

    std::string name() const override { return std::to_string(corners_.size()) + "-gon"; }

private:
    std::vector<std::pair<double, double>> corners_;
};

} // namespace

std::unique_ptr<Shape> circle(double x, double y, double radius)
{
    return std::make_unique<Circle>(x, y, radius);
}

std::unique_ptr<Shape> polygon(std::vector<std::pair<double, double>> corners)
{
    return std::make_unique<Polygon>(std::move(corners));
}

Box bounds_of(const Shapes &shapes)
{
    Box box{infinity, infinity, -infinity, -infinity};
    for (const auto &shape : shapes)
        box = united(box, shape->bounds());
    return box;
}

std::string describe(const Shapes &shapes)
{
    std::ostringstream out;
    out << std::fixed << std::setprecision(2);
    for (const auto &shape : shapes)
        out << (out.tellp() > 0 ? ", " : "") << shape->name() << ' ' << shape->area();
    return out.str();
}
