// Conway's Game of Life on an endless plane.
#pragma once

#include <set>
#include <string>
#include <utility>

class Life {
public:
    explicit Life(const std::string &picture); // '#' is alive, a line a row
    void step();
    std::size_t alive() const { return cells_.size(); }
    std::string picture() const; // no wider and no higher than what is alive

private:
    std::set<std::pair<int, int>> cells_; // row, column
};
