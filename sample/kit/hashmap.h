/* From text to a number, open addressing; the keys are copied. */
#ifndef KIT_HASHMAP_H
#define KIT_HASHMAP_H
#include <stdbool.h>
#include <stddef.h>

struct hashmap_slot {
    char *key;
    long value;
};
struct hashmap {
    struct hashmap_slot *slots;
    size_t count, capacity; /* the capacity is zero or a power of two */
};

void hashmap_set(struct hashmap *map, const char *key, long value);
bool hashmap_get(const struct hashmap *map, const char *key, long *value);
bool hashmap_remove(struct hashmap *map, const char *key);
void hashmap_free(struct hashmap *map);

#endif
