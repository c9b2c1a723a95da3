/* Random numbers that are the same on each machine: xoshiro256**, seeded by splitmix64. */
#ifndef KIT_CHANCE_H
#define KIT_CHANCE_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct chance {
    uint64_t state[4];
};

void chance_seed(struct chance *chance, uint64_t seed);
uint64_t chance_next(struct chance *chance);
uint32_t chance_below(struct chance *chance, uint32_t limit); /* 0 to limit - 1, all as likely */
void chance_shuffle(struct chance *chance, int *items, uint32_t count);

#ifdef __cplusplus
}
#endif
#endif
