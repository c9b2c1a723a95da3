// Directed graphs whose nodes have names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

class Graph {
public:
    void connect(const std::string &from, const std::string &to, int cost = 1);

    struct Route {
        int cost;
        std::vector<std::string> nodes;
    };
    std::optional<Route> cheapest(const std::string &from, const std::string &to) const;

    // An order in which each node comes after those that it points to, or nothing if there is a circle.
    std::optional<std::vector<std::string>> dependencies_first() const;

private:
    std::map<std::string, std::map<std::string, int>> edges_;
};
