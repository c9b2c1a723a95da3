#include "sort.h"

#include <stdlib.h>
#include <string.h>

static void merge(char *out, const char *left, size_t lefts, const char *right, size_t rights,
                  size_t size, sort_order *order)
{
    while (lefts + rights > 0) {
        int take_left = rights == 0 || (lefts > 0 && order(left, right) <= 0);
        memcpy(out, take_left ? left : right, size);
        out += size;
        if (take_left) {
            left += size;
            lefts--;
        } else {
            right += size;
            rights--;
        }
    }
}

void sort_stable(void *base, size_t count, size_t size, sort_order *order)
{
    char *from = base, *spare = malloc(count * size + 1), *to = spare;
    if (!spare)
        abort();
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t at = 0; at < count; at += 2 * run) {
            size_t lefts = count - at < run ? count - at : run;
            size_t rights = count - at - lefts < run ? count - at - lefts : run;
            const char *left = from + at * size;
            merge(to + at * size, left, lefts, left + lefts * size, rights, size, order);
        }
        char *kept = from;
        from = to;
        to = kept;
    }
    if (from != base)
        memcpy(base, from, count * size);
    free(spare);
}

size_t sort_lower_bound(const void *base, size_t count, size_t size, const void *key, sort_order *order)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order((const char *)base + middle * size, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
