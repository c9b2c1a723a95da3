// Who stands where.
#pragma once

#include "treap.hpp"

#include <optional>
#include <string>
#include <utility>

class Ranking {
public:
    void score(const std::string &name, int points); // a name may score more than once
    std::optional<std::string> place(std::size_t rank) const; // 1 is the best

private:
    struct Better {
        bool operator()(const std::pair<int, std::string> &left, const std::pair<int, std::string> &right) const
        {
            return left.first != right.first ? left.first > right.first : left.second < right.second;
        }
    };
    Treap<std::pair<int, std::string>, Better> tree_{7};
};
