#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numeric>
#include <stdexcept>

Statistics::Statistics(std::vector<double> values) : sorted_(std::move(values))
{
    if (sorted_.empty())
        throw std::invalid_argument("nothing was measured");
    std::sort(sorted_.begin(), sorted_.end());
    const auto count = static_cast<double>(sorted_.size());
    mean_ = std::accumulate(sorted_.begin(), sorted_.end(), 0.0) / count;
    const double squares = std::accumulate(sorted_.begin(), sorted_.end(), 0.0, [&](double sum, double value) {
        return sum + (value - mean_) * (value - mean_);
    });
    deviation_ = sorted_.size() > 1 ? std::sqrt(squares / (count - 1)) : 0.0;
}

double Statistics::quantile(double fraction) const
{
    const double position = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(sorted_.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, sorted_.size() - 1);
    const double part = position - static_cast<double>(below);
    return sorted_[below] * (1 - part) + sorted_[above] * part;
}

std::ostream &operator<<(std::ostream &out, const Statistics &statistics)
{
    return out << std::fixed << std::setprecision(1) << statistics.mean_ << " ± " << statistics.deviation_
               << " (median " << statistics.quantile(0.5) << ')';
}
