#include "pqueue.h"

#include <stdlib.h>

static void swap(struct pqueue_item *a, struct pqueue_item *b)
{
    struct pqueue_item kept = *a;
    *a = *b;
    *b = kept;
}

void pqueue_push(struct pqueue *queue, long priority, int id)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? queue->capacity * 2 : 8;
        queue->items = realloc(queue->items, queue->capacity * sizeof *queue->items);
        if (!queue->items)
            abort();
    }
    size_t at = queue->count++;
    queue->items[at] = (struct pqueue_item){priority, id};
    while (at > 0 && queue->items[at].priority < queue->items[(at - 1) / 2].priority) {
        swap(&queue->items[at], &queue->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct pqueue *queue, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count; child++)
            if (queue->items[child].priority < queue->items[least].priority)
                least = child;
        if (least == at)
            return;
        swap(&queue->items[at], &queue->items[least]);
        at = least;
    }
}

bool pqueue_pop(struct pqueue *queue, struct pqueue_item *item)
{
    if (queue->count == 0)
        return false;
    *item = queue->items[0];
    queue->items[0] = queue->items[--queue->count];
    sift_down(queue, 0);
    return true;
}

void pqueue_free(struct pqueue *queue)
{
    free(queue->items);
    *queue = (struct pqueue){NULL, 0, 0};
}
