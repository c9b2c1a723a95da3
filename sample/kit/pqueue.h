/* A binary heap: the least priority comes out first, equal ones in no order. */
#ifndef KIT_PQUEUE_H
#define KIT_PQUEUE_H
#include <stdbool.h>
#include <stddef.h>

struct pqueue_item {
    long priority;
    int id;
};
struct pqueue {
    struct pqueue_item *items;
    size_t count, capacity;
};

void pqueue_push(struct pqueue *queue, long priority, int id);
bool pqueue_pop(struct pqueue *queue, struct pqueue_item *item);
void pqueue_free(struct pqueue *queue);

#endif
