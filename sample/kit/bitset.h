/* A set of small numbers, a bit each. */
#ifndef KIT_BITSET_H
#define KIT_BITSET_H
#include <stdbool.h>
#include <stdint.h>

enum { BITSET_WORDS = 16, BITSET_SIZE = BITSET_WORDS * 64 };
struct bitset {
    uint64_t word[BITSET_WORDS];
};

void bitset_add(struct bitset *set, unsigned number);
void bitset_remove(struct bitset *set, unsigned number);
bool bitset_has(const struct bitset *set, unsigned number);
int bitset_count(const struct bitset *set);
int bitset_next(const struct bitset *set, int after); /* -1: none greater */
void bitset_intersect(struct bitset *set, const struct bitset *other);

#endif
