#include "life.hpp"

#include <algorithm>
#include <map>

Life::Life(const std::string &picture)
{
    int row = 0, column = 0;
    for (const char c : picture) {
        if (c == '#')
            cells_.emplace(row, column);
        column = c == '\n' ? 0 : column + 1;
        row += c == '\n';
    }
}

void Life::step()
{
    std::map<std::pair<int, int>, int> neighbours;
    for (const auto &[row, column] : cells_)
        for (int down = -1; down <= 1; ++down)
            for (int right = -1; right <= 1; ++right)
                if (down != 0 || right != 0)
                    ++neighbours[{row + down, column + right}];
    std::set<std::pair<int, int>> next;
    for (const auto &[cell, count] : neighbours)
        if (count == 3 || (count == 2 && cells_.count(cell) > 0))
            next.insert(cell);
    cells_ = std::move(next);
}

std::string Life::picture() const
{
    if (cells_.empty())
        return {};
    int left = cells_.begin()->second, right = left;
    for (const auto &cell : cells_) {
        left = std::min(left, cell.second);
        right = std::max(right, cell.second);
    }
    std::string text;
    for (int row = cells_.begin()->first; row <= cells_.rbegin()->first; ++row) {
        for (int column = left; column <= right; ++column)
            text += cells_.count({row, column}) > 0 ? '#' : '.';
        text += '\n';
    }
    return text;
}
