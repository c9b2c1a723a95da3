#include "ranking.hpp"

void Ranking::score(const std::string &name, int points)
{
    tree_.insert({points, name});
}

std::optional<std::string> Ranking::place(std::size_t rank) const
{
    const auto *found = rank > 0 ? tree_.at(rank - 1) : nullptr;
    if (!found)
        return std::nullopt;
    return found->second;
}
