#include "hashmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static size_t hash(const char *key)
{
    uint32_t value = UINT32_C(2166136261);
    for (; *key; key++)
        value = (value ^ (unsigned char)*key) * UINT32_C(16777619);
    return value;
}

/* Where `key` is, or the free slot where it would go. */
static struct hashmap_slot *find(const struct hashmap *map, const char *key)
{
    size_t at = hash(key) & (map->capacity - 1);
    while (map->slots[at].key && strcmp(map->slots[at].key, key) != 0)
        at = (at + 1) & (map->capacity - 1);
    return &map->slots[at];
}

static void grow(struct hashmap *map)
{
    struct hashmap bigger = {NULL, map->count, map->capacity ? map->capacity * 2 : 16};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        abort();
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key)
            *find(&bigger, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = bigger;
}

void hashmap_set(struct hashmap *map, const char *key, long value)
{
    if (map->count * 4 >= map->capacity * 3)
        grow(map);
    struct hashmap_slot *slot = find(map, key);
    if (!slot->key) {
        size_t size = strlen(key) + 1;
        slot->key = malloc(size);
        if (!slot->key)
            abort();
        memcpy(slot->key, key, size);
        map->count++;
    }
    slot->value = value;
}

bool hashmap_get(const struct hashmap *map, const char *key, long *value)
{
    if (map->capacity == 0)
        return false;
    struct hashmap_slot *slot = find(map, key);
    if (slot->key)
        *value = slot->value;
    return slot->key != NULL;
}

bool hashmap_remove(struct hashmap *map, const char *key)
{
    struct hashmap_slot *slot = map->capacity ? find(map, key) : NULL;
    if (!slot || !slot->key)
        return false;
    free(slot->key);
    slot->key = NULL;
    map->count--;
    /* What stood behind it in the same run may now be unreachable: put each in again. */
    size_t at = (size_t)(slot - map->slots);
    while (map->slots[at = (at + 1) & (map->capacity - 1)].key) {
        struct hashmap_slot moved = map->slots[at];
        map->slots[at].key = NULL;
        *find(map, moved.key) = moved;
    }
    return true;
}

void hashmap_free(struct hashmap *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->slots[i].key);
    free(map->slots);
    *map = (struct hashmap){NULL, 0, 0};
}
