#include "bitset.h"

static uint64_t mask(unsigned number)
{
    return UINT64_C(1) << number % 64;
}

void bitset_add(struct bitset *set, unsigned number)
{
    if (number < BITSET_SIZE)
        set->word[number / 64] |= mask(number);
}

void bitset_remove(struct bitset *set, unsigned number)
{
    if (number < BITSET_SIZE)
        set->word[number / 64] &= ~mask(number);
}

bool bitset_has(const struct bitset *set, unsigned number)
{
    return number < BITSET_SIZE && (set->word[number / 64] & mask(number)) != 0;
}

int bitset_count(const struct bitset *set)
{
    int count = 0;
    for (int i = 0; i < BITSET_WORDS; i++)
        for (uint64_t word = set->word[i]; word; word &= word - 1)
            count++;
    return count;
}

int bitset_next(const struct bitset *set, int after)
{
    for (unsigned number = (unsigned)(after + 1); number < BITSET_SIZE; number++) {
        if (number % 64 == 0 && set->word[number / 64] == 0)
            number += 63;
        else if (bitset_has(set, number))
            return (int)number;
    }
    return -1;
}

void bitset_intersect(struct bitset *set, const struct bitset *other)
{
    for (int i = 0; i < BITSET_WORDS; i++)
        set->word[i] &= other->word[i];
}
