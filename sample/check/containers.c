#include "bitset.h"
#include "check.h"
#include "hashmap.h"
#include "pqueue.h"
#include "ring.h"
#include "sort.h"
#include "trie.h"

#include <stdio.h>
#include <string.h>

void check_containers(void);

static void check_hashmap(void)
{
    struct hashmap map = {0};
    char key[16];
    long value = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        hashmap_set(&map, key, i);
    }
    for (int i = 0; i < 1000; i += 3) {
        snprintf(key, sizeof key, "key %d", i);
        CHECK(hashmap_remove(&map, key) && !hashmap_remove(&map, key));
    }
    CHECK(map.count == 666 && !hashmap_get(&map, "key 999", &value));
    CHECK(hashmap_get(&map, "key 500", &value) && value == 500);
    hashmap_free(&map);
}

static void check_heap(void)
{
    struct pqueue queue = {0};
    struct pqueue_item item, last = {-1, 0};
    for (int i = 0; i < 200; i++)
        pqueue_push(&queue, i * 37 % 101, i);
    int in_order = 1;
    while (pqueue_pop(&queue, &item)) {
        in_order &= item.priority >= last.priority;
        last = item;
    }
    CHECK(in_order && last.priority == 100);
    pqueue_free(&queue);
}

static int by_tens(const void *left, const void *right)
{
    return *(const int *)left / 10 - *(const int *)right / 10;
}

static void check_sort(void)
{
    int numbers[] = {31, 12, 35, 19, 8, 11, 30, 2}, key = 20;
    const int sorted[] = {8, 2, 12, 19, 11, 31, 35, 30};
    sort_stable(numbers, 8, sizeof *numbers, by_tens);
    CHECK(memcmp(numbers, sorted, sizeof sorted) == 0);
    CHECK(sort_lower_bound(numbers, 8, sizeof *numbers, &key, by_tens) == 5);
}

void check_containers(void)
{
    struct bitset set = {{0}};
    struct ring ring = {{0}, 0, 0};
    struct trie trie = {{NULL}, NULL};
    char text[RING_SIZE];
    check_hashmap();
    check_heap();
    check_sort();
    bitset_add(&set, 3);
    bitset_add(&set, 700);
    CHECK(bitset_count(&set) == 2 && bitset_next(&set, 3) == 700 && bitset_next(&set, 700) == -1);
    CHECK(ring_write(&ring, "0123456789", 10) == 10 && ring_read(&ring, text, 8) == 8);
    CHECK(ring_write(&ring, text, RING_SIZE) == RING_SIZE - 2 && ring_find(&ring, '9') == 1);
    CHECK(trie_add(&trie, "make") && trie_add(&trie, "maker") && !trie_add(&trie, "Make"));
    CHECK(trie_add(&trie, "make") && trie_count_prefix(&trie, "mak") == 2 && !trie_has(&trie, "mak"));
    trie_free(&trie);
}
