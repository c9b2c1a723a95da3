#include "graph.hpp"

#include <algorithm>
#include <functional>
#include <queue>

void Graph::connect(const std::string &from, const std::string &to, int cost)
{
    edges_[from][to] = cost;
    edges_[to];
}

std::optional<Graph::Route> Graph::cheapest(const std::string &from, const std::string &to) const
{
    struct Reached {
        int cost;
        std::string node, before;
        bool operator>(const Reached &other) const { return cost > other.cost; }
    };
    std::priority_queue<Reached, std::vector<Reached>, std::greater<>> open;
    std::map<std::string, std::string> came_from;
    open.push({0, from, from});
    while (!open.empty()) {
        const Reached now = open.top();
        open.pop();
        if (!came_from.emplace(now.node, now.before).second)
            continue;
        if (now.node == to) {
            Route route{now.cost, {to}};
            while (route.nodes.back() != from)
                route.nodes.push_back(came_from.at(route.nodes.back()));
            std::reverse(route.nodes.begin(), route.nodes.end());
            return route;
        }
        const auto found = edges_.find(now.node);
        if (found == edges_.end())
            continue;
        for (const auto &[next, cost] : found->second)
            open.push({now.cost + cost, next, now.node});
    }
    return std::nullopt;
}

std::optional<std::vector<std::string>> Graph::dependencies_first() const
{
    enum class State { unseen, open, done };
    std::map<std::string, State> states;
    std::vector<std::string> order;
    std::function<bool(const std::string &)> visit = [&](const std::string &node) {
        if (states[node] != State::unseen)
            return states[node] == State::done;
        states[node] = State::open;
        for (const auto &edge : edges_.at(node))
            if (!visit(edge.first))
                return false;
        states[node] = State::done;
        order.push_back(node);
        return true;
    };
    for (const auto &entry : edges_)
        if (!visit(entry.first))
            return std::nullopt;
    return order;
}
