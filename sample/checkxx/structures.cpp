#include "collatz.hpp"
#include "diff.hpp"
#include "expect.hpp"
#include "format.hpp"
#include "graph.hpp"
#include "intervals.hpp"
#include "ranking.hpp"
#include "strbuf.h"
#include "words.hpp"

#include <string>

void expect_structures();

namespace {

std::string joined(const std::vector<std::string> &parts)
{
    strbuf out = {};
    for (const auto &part : parts)
        strbuf_printf(&out, "%s%s", out.length > 0 ? " " : "", part.c_str());
    const std::string text(out.text ? out.text : "");
    strbuf_free(&out);
    return text;
}

void expect_graph()
{
    Graph graph;
    graph.connect("program", "library", 4);
    graph.connect("program", "main", 1);
    graph.connect("main", "library", 2);
    graph.connect("library", "tables", 1);
    const auto route = graph.cheapest("program", "tables");
    EXPECT(route->cost, 4);
    EXPECT(joined(route->nodes), "program main library tables");
    EXPECT(graph.cheapest("tables", "main").has_value(), false);
    EXPECT(joined(*graph.dependencies_first()), "tables library main program");
    graph.connect("tables", "program");
    EXPECT(graph.dependencies_first().has_value(), false);
}

void expect_intervals()
{
    Intervals set;
    set.add(1, 10);
    set.add(20, 30);
    set.add(11, 12);
    set.remove(5, 6);
    EXPECT(set.size(), 21);
    EXPECT(set.contains(4) && !set.contains(5) && set.contains(12), true);
    set.add(0, 40);
    EXPECT(set.list().size(), 1u);
}

} // namespace

void expect_structures()
{
    expect_graph();
    expect_intervals();

    Collatz collatz(100);
    EXPECT(collatz.steps(27), 111);
    EXPECT(collatz.steps(54), 112);
    EXPECT(collatz.hits(), 1);

    Words words;
    words.read("Don't panic: the build, the whole build and nothing but the build");
    EXPECT(words.count("don't"), 1);
    EXPECT(words.top(2)[0].first + " " + words.top(2)[1].first, "build the");

    Ranking ranking;
    for (int i = 0; i < 100; ++i)
        ranking.score("player " + std::to_string(i), i * 7 % 100);
    EXPECT(*ranking.place(1), "player 57");
    EXPECT(*ranking.place(100), "player 0");
    EXPECT(ranking.place(101).has_value(), false);

    EXPECT(format("{} of {{{}}}", 3, "four"), "3 of {four}");
    EXPECT(joined(diff({"a", "b", "c"}, {"a", "c", "d"})), " a -b  c +d");
}
