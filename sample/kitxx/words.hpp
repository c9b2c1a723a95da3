// Counts words.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class Words {
public:
    void read(std::string_view text);
    int count(const std::string &word) const;
    // The most frequent first, equally frequent ones by name.
    std::vector<std::pair<std::string, int>> top(std::size_t limit) const;

private:
    std::map<std::string, int> counts_;
};
