#include "distance.h"

#include <stdlib.h>
#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

size_t distance(const char *from, const char *to)
{
    size_t columns = strlen(to) + 1;
    size_t *row = malloc(columns * sizeof *row);
    if (!row)
        abort();
    for (size_t i = 0; i < columns; i++)
        row[i] = i;
    for (size_t line = 1; from[line - 1]; line++) {
        size_t diagonal = row[0];
        row[0] = line;
        for (size_t i = 1; i < columns; i++) {
            size_t above = row[i];
            size_t replaced = diagonal + (from[line - 1] != to[i - 1]);
            row[i] = least(above + 1, row[i - 1] + 1, replaced);
            diagonal = above;
        }
    }
    size_t result = row[columns - 1];
    free(row);
    return result;
}

const char *distance_nearest(const char *word, const char *const *list, size_t limit)
{
    const char *best = NULL;
    for (; *list; list++) {
        size_t found = distance(word, *list);
        if (found <= limit) {
            best = *list;
            if (found == 0)
                break;
            limit = found - 1;
        }
    }
    return best;
}
