// A set of whole numbers, kept as intervals that neither touch nor overlap.
#pragma once

#include <map>
#include <vector>

class Intervals {
public:
    void add(int first, int last); // both ends included
    void remove(int first, int last);
    bool contains(int number) const;
    long size() const; // how many numbers
    std::vector<std::pair<int, int>> list() const { return {ends_.begin(), ends_.end()}; }

private:
    std::map<int, int> ends_; // by where they begin
};
