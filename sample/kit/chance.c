#include "chance.h"

void chance_seed(struct chance *chance, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        chance->state[i] = mixed ^ mixed >> 31;
    }
}

static uint64_t rotate(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

uint64_t chance_next(struct chance *chance)
{
    uint64_t *s = chance->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9, kept = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= kept;
    s[3] = rotate(s[3], 45);
    return result;
}

uint32_t chance_below(struct chance *chance, uint32_t limit)
{
    /* Values from the last, incomplete group are thrown again. */
    uint32_t group = UINT32_MAX / limit * limit, value;
    do
        value = (uint32_t)(chance_next(chance) >> 32);
    while (value >= group);
    return value % limit;
}

void chance_shuffle(struct chance *chance, int *items, uint32_t count)
{
    for (uint32_t left = count; left > 1; left--) {
        uint32_t chosen = chance_below(chance, left);
        int kept = items[left - 1];
        items[left - 1] = items[chosen];
        items[chosen] = kept;
    }
}
