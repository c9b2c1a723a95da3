// The least edit from one list of lines to another.
#pragma once

#include <string>
#include <vector>

// Each line with ' ', '-' or '+' before it.
std::vector<std::string> diff(const std::vector<std::string> &from, const std::vector<std::string> &to);
