// The 3n + 1 problem, with a memory of limited size.
#pragma once

#include "lru.hpp"

#include <cstdint>

class Collatz {
public:
    explicit Collatz(std::size_t remembered) : known_(remembered) {}
    int steps(std::uint64_t number); // how many until 1
    int hits() const { return hits_; }

private:
    Lru<std::uint64_t, int> known_;
    int hits_ = 0;
};
