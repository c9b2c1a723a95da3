#include "collatz.hpp"

int Collatz::steps(std::uint64_t number)
{
    if (number <= 1)
        return 0;
    if (const int *found = known_.find(number)) {
        ++hits_;
        return *found;
    }
    const int count = 1 + steps(number % 2 == 0 ? number / 2 : 3 * number + 1);
    known_.insert(number, count);
    return count;
}
