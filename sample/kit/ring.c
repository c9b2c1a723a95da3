#include "ring.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t ring_write(struct ring *ring, const void *data, size_t size)
{
    size = least(size, RING_SIZE - ring->length);
    size_t at = (ring->start + ring->length) % RING_SIZE;
    size_t first = least(size, RING_SIZE - at);
    memcpy(ring->bytes + at, data, first);
    memcpy(ring->bytes, (const char *)data + first, size - first);
    ring->length += size;
    return size;
}

size_t ring_read(struct ring *ring, void *data, size_t size)
{
    size = least(size, ring->length);
    size_t first = least(size, RING_SIZE - ring->start);
    memcpy(data, ring->bytes + ring->start, first);
    memcpy((char *)data + first, ring->bytes, size - first);
    ring->start = (ring->start + size) % RING_SIZE;
    ring->length -= size;
    return size;
}

size_t ring_find(const struct ring *ring, unsigned char byte)
{
    for (size_t i = 0; i < ring->length; i++)
        if (ring->bytes[(ring->start + i) % RING_SIZE] == byte)
            return i;
    return ring->length;
}
