// Spreads jobs over machines of unlike speed.
#pragma once

#include <string>
#include <vector>

struct Machine {
    std::string name;
    double speed; // work per second
};
struct Placed {
    std::string machine;
    int job;
    double begin, end;
};

// The largest job first, each where it ends soonest. Ordered by when they begin.
std::vector<Placed> schedule(const std::vector<double> &jobs, const std::vector<Machine> &machines);
double makespan(const std::vector<Placed> &plan);
