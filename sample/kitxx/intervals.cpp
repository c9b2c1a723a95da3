#include "intervals.hpp"

#include <algorithm>
#include <iterator>

void Intervals::add(int first, int last)
{
    auto at = ends_.upper_bound(first);
    if (at != ends_.begin() && std::prev(at)->second >= first - 1)
        --at;
    while (at != ends_.end() && at->first <= last + 1) {
        first = std::min(first, at->first);
        last = std::max(last, at->second);
        at = ends_.erase(at);
    }
    ends_[first] = last;
}

void Intervals::remove(int first, int last)
{
    auto at = ends_.upper_bound(first);
    if (at != ends_.begin() && std::prev(at)->second >= first)
        --at;
    while (at != ends_.end() && at->first <= last) {
        const auto [begin, end] = *at;
        at = ends_.erase(at);
        if (begin < first)
            ends_[begin] = first - 1;
        if (end > last)
            ends_[last + 1] = end;
    }
}

bool Intervals::contains(int number) const
{
    const auto after = ends_.upper_bound(number);
    return after != ends_.begin() && std::prev(after)->second >= number;
}

long Intervals::size() const
{
    long count = 0;
    for (const auto &[first, last] : ends_)
        count += static_cast<long>(last) - first + 1;
    return count;
}
