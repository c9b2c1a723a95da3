// Solves Sudoku.
#pragma once

#include <array>
#include <optional>
#include <string>

using Board = std::array<int, 81>; // 0 is empty

std::optional<Board> read_board(const std::string &text); // 81 digits; '.' is empty, blanks are skipped
std::optional<Board> solve(const Board &board);
