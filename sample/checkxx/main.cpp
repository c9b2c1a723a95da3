// Checks the C++ library; exits 0 if all of it does what its headers say.
#include "expect.hpp"

#include <iostream>

int expectations_met = 0, expectations_failed = 0;

void expect_algebra();
void expect_structures();
void expect_games();

int main()
{
    expect_algebra();
    expect_structures();
    expect_games();
    std::cout << expectations_met + expectations_failed << " checks of the C++ library, " << expectations_failed
              << " failed\n";
    return expectations_failed > 0;
}
