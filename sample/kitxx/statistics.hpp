// What a list of measurements says.
#pragma once

#include <ostream>
#include <vector>

class Statistics {
public:
    explicit Statistics(std::vector<double> values); // throws std::invalid_argument for none
    double mean() const { return mean_; }
    double deviation() const { return deviation_; } // of the sample
    double quantile(double fraction) const;         // 0.5 is the median
    friend std::ostream &operator<<(std::ostream &out, const Statistics &statistics);

private:
    std::vector<double> sorted_;
    double mean_, deviation_;
};
