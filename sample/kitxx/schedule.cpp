#include "schedule.hpp"

#include <algorithm>
#include <numeric>

std::vector<Placed> schedule(const std::vector<double> &jobs, const std::vector<Machine> &machines)
{
    std::vector<Placed> plan;
    if (machines.empty())
        return plan;
    std::vector<std::size_t> order(jobs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t left, std::size_t right) { return jobs[left] > jobs[right]; });
    std::vector<double> free_at(machines.size(), 0.0);
    for (const std::size_t job : order) {
        const auto end_on = [&](std::size_t i) { return free_at[i] + jobs[job] / machines[i].speed; };
        std::size_t best = 0;
        for (std::size_t i = 1; i < machines.size(); ++i)
            if (end_on(i) < end_on(best))
                best = i;
        plan.push_back({machines[best].name, static_cast<int>(job), free_at[best], end_on(best)});
        free_at[best] = end_on(best);
    }
    std::stable_sort(plan.begin(), plan.end(),
                     [](const Placed &left, const Placed &right) { return left.begin < right.begin; });
    return plan;
}

double makespan(const std::vector<Placed> &plan)
{
    double latest = 0;
    for (const auto &placed : plan)
        latest = std::max(latest, placed.end);
    return latest;
}
