// Shapes in the plane, and what a list of them covers.
#pragma once

#include <memory>
#include <string>
#include <vector>

struct Box {
    double left, bottom, right, top;
};

class Shape {
public:
    virtual ~Shape() = default;
    virtual double area() const = 0;
    virtual Box bounds() const = 0;
    virtual std::string name() const = 0;
};

using Shapes = std::vector<std::unique_ptr<Shape>>;

std::unique_ptr<Shape> circle(double x, double y, double radius);
std::unique_ptr<Shape> polygon(std::vector<std::pair<double, double>> corners);

Box bounds_of(const Shapes &shapes);
std::string describe(const Shapes &shapes);
