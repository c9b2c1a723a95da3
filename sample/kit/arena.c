#include "arena.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 4000 };

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    max_align_t bytes[];
};

static struct arena_block *new_block(struct arena *arena, size_t at_least)
{
    size_t size = at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE;
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->older = arena->newest;
    block->used = 0;
    block->size = size;
    arena->newest = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t step = sizeof(max_align_t);
    size = (size + step - 1) / step * step;
    struct arena_block *block = arena->newest;
    if (!block || block->size - block->used < size)
        block = new_block(arena, size);
    if (!block)
        return NULL;
    void *found = (char *)block->bytes + block->used;
    block->used += size;
    return found;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

void arena_release(struct arena *arena)
{
    while (arena->newest) {
        struct arena_block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
}
