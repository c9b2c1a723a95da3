#include "glob.h"

#include <stddef.h>

/* Reads the `[...]` at `*pattern` and moves behind it; whether `c` is in it. */
static bool in_class(const char **pattern, char c)
{
    const char *at = *pattern + 1;
    bool negated = *at == '!' || *at == '^';
    bool found = false;
    if (negated)
        at++;
    const char *first = at;
    while (*at && (*at != ']' || at == first)) {
        char low = *at++, high = low;
        if (at[0] == '-' && at[1] && at[1] != ']') {
            high = at[1];
            at += 2;
        }
        found |= c >= low && c <= high;
    }
    *pattern = *at ? at + 1 : at;
    return found != negated;
}

/* Matches one character; moves the pattern behind what matched it. */
static bool match_one(const char **pattern, char c)
{
    switch (**pattern) {
    case '\0':
        return false;
    case '?':
        ++*pattern;
        return true;
    case '[':
        return in_class(pattern, c);
    default:
        if (**pattern == '\\' && (*pattern)[1])
            ++*pattern;
        return *(*pattern)++ == c;
    }
}

bool glob_match(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = name;
    while (*name) {
        const char *next = pattern;
        if (*pattern == '*') {
            star = ++pattern;
            resume = name;
        } else if (match_one(&next, *name)) {
            pattern = next;
            name++;
        } else if (star) {
            pattern = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
