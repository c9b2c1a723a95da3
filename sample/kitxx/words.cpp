#include "words.hpp"

#include <algorithm>
#include <cctype>

namespace {

bool is_letter(char c)
{
    return std::isalpha(static_cast<unsigned char>(c)) || c == '\'';
}

std::string lower(std::string_view word)
{
    std::string result(word);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

} // namespace

void Words::read(std::string_view text)
{
    auto at = text.begin();
    while (true) {
        const auto begin = std::find_if(at, text.end(), is_letter);
        at = std::find_if_not(begin, text.end(), is_letter);
        if (begin == at)
            return;
        ++counts_[lower(text.substr(static_cast<std::size_t>(begin - text.begin()),
                                    static_cast<std::size_t>(at - begin)))];
    }
}

int Words::count(const std::string &word) const
{
    const auto found = counts_.find(word);
    return found == counts_.end() ? 0 : found->second;
}

std::vector<std::pair<std::string, int>> Words::top(std::size_t limit) const
{
    std::vector<std::pair<std::string, int>> all(counts_.begin(), counts_.end());
    std::stable_sort(all.begin(), all.end(),
                     [](const auto &left, const auto &right) { return left.second > right.second; });
    all.resize(std::min(limit, all.size()));
    return all;
}
