#include "diff.hpp"

#include <algorithm>
#include <cstddef>

std::vector<std::string> diff(const std::vector<std::string> &from, const std::vector<std::string> &to)
{
    // common[i][j]: the longest common subsequence of what follows i and j.
    std::vector<std::vector<int>> common(from.size() + 1, std::vector<int>(to.size() + 1, 0));
    for (std::size_t i = from.size(); i-- > 0;)
        for (std::size_t j = to.size(); j-- > 0;)
            common[i][j] = from[i] == to[j] ? common[i + 1][j + 1] + 1
                                            : std::max(common[i + 1][j], common[i][j + 1]);
    std::vector<std::string> lines;
    std::size_t i = 0, j = 0;
    while (i < from.size() || j < to.size()) {
        if (i < from.size() && j < to.size() && from[i] == to[j]) {
            lines.push_back(' ' + from[i++]);
            ++j;
        } else if (j == to.size() || (i < from.size() && common[i + 1][j] >= common[i][j + 1])) {
            lines.push_back('-' + from[i++]);
        } else {
            lines.push_back('+' + to[j++]);
        }
    }
    return lines;
}
