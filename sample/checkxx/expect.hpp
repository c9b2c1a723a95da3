// The smallest possible test frame that shows what it found.
#pragma once

#include <iostream>

extern int expectations_met, expectations_failed;

template <typename Found, typename Wanted>
void expect_equal(const char *file, int line, const Found &found, const Wanted &wanted)
{
    if (found == wanted) {
        ++expectations_met;
        return;
    }
    ++expectations_failed;
    std::cerr << file << ':' << line << ": found " << found << ", wanted " << wanted << '\n';
}

#define EXPECT(found, wanted) expect_equal(__FILE__, __LINE__, (found), (wanted))
