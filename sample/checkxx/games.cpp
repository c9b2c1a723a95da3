#include "expect.hpp"
#include "life.hpp"
#include "schedule.hpp"
#include "shapes.hpp"
#include "sudoku.hpp"

#include <string>

void expect_games();

namespace {

void expect_sudoku()
{
    const auto board = read_board("53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79");
    const auto solved = solve(*board);
    std::string row;
    for (std::size_t i = 0; i < 9; ++i)
        row += static_cast<char>('0' + (*solved)[i]);
    EXPECT(row, "534678912");
    EXPECT(read_board("123").has_value(), false);
}

void expect_life()
{
    const std::string glider = ".#.\n..#\n###\n";
    Life life(glider);
    for (int i = 0; i < 40; ++i)
        life.step();
    EXPECT(life.alive(), 5u);
    EXPECT(life.picture(), glider);
}

void expect_shapes()
{
    Shapes shapes;
    shapes.push_back(circle(0, 0, 1));
    shapes.push_back(polygon({{0, 0}, {4, 0}, {0, 3}}));
    EXPECT(describe(shapes), "circle 3.14, 3-gon 6.00");
    const Box box = bounds_of(shapes);
    EXPECT(box.left, -1.0);
    EXPECT(box.top, 3.0);
}

} // namespace

void expect_games()
{
    expect_sudoku();
    expect_life();
    expect_shapes();
    const auto plan = schedule({4, 2, 8, 2}, {{"slow", 1}, {"fast", 2}});
    EXPECT(plan.front().machine, "fast");
    EXPECT(makespan(plan), 6.0);
}
