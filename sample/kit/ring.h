/* A queue of bytes of fixed size; what does not fit is refused. */
#ifndef KIT_RING_H
#define KIT_RING_H
#include <stddef.h>

enum { RING_SIZE = 64 };
struct ring {
    unsigned char bytes[RING_SIZE];
    size_t start, length;
};

size_t ring_write(struct ring *ring, const void *data, size_t size); /* how much fitted */
size_t ring_read(struct ring *ring, void *data, size_t size);
size_t ring_find(const struct ring *ring, unsigned char byte); /* `length` if it is not there */

#endif
