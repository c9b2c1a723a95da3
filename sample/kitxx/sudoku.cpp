#include "sudoku.hpp"

#include <algorithm>
#include <bitset>

namespace {

using Digits = std::bitset<10>;

Digits possible(const Board &board, int cell)
{
    const int row = cell / 9, column = cell % 9, corner = row / 3 * 27 + column / 3 * 3;
    Digits taken;
    taken.set(0);
    for (int i = 0; i < 9; ++i) {
        taken.set(static_cast<std::size_t>(board[static_cast<std::size_t>(row * 9 + i)]));
        taken.set(static_cast<std::size_t>(board[static_cast<std::size_t>(i * 9 + column)]));
        taken.set(static_cast<std::size_t>(board[static_cast<std::size_t>(corner + i / 3 * 9 + i % 3)]));
    }
    return ~taken;
}

// Fills the cell with the fewest choices first, so that a wrong turn shows soon.
bool fill(Board &board)
{
    int best = -1;
    Digits best_choices;
    for (int cell = 0; cell < 81; ++cell) {
        if (board[static_cast<std::size_t>(cell)] != 0)
            continue;
        const Digits choices = possible(board, cell);
        if (best < 0 || choices.count() < best_choices.count()) {
            best = cell;
            best_choices = choices;
        }
    }
    if (best < 0)
        return true;
    int &cell = board[static_cast<std::size_t>(best)];
    for (int digit = 1; digit <= 9; ++digit) {
        if (!best_choices.test(static_cast<std::size_t>(digit)))
            continue;
        cell = digit;
        if (fill(board))
            return true;
    }
    cell = 0;
    return false;
}

} // namespace

std::optional<Board> read_board(const std::string &text)
{
    Board board{};
    std::size_t count = 0;
    for (const char c : text) {
        if (c == ' ' || c == '\n')
            continue;
        if (count == board.size() || (c != '.' && (c < '0' || c > '9')))
            return std::nullopt;
        board[count++] = c == '.' ? 0 : c - '0';
    }
    if (count != board.size())
        return std::nullopt;
    return board;
}

std::optional<Board> solve(const Board &board)
{
    Board solved = board;
    if (!fill(solved))
        return std::nullopt;
    return solved;
}
