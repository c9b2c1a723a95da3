/* Memory that is given back all at once. */
#ifndef KIT_ARENA_H
#define KIT_ARENA_H
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *newest;
};

void *arena_alloc(struct arena *arena, size_t size); /* aligned for any type; NULL without memory */
char *arena_copy(struct arena *arena, const char *text, size_t length);
void arena_release(struct arena *arena);

#endif
