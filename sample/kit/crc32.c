#include "crc32.h"

#include "tables.h"

uint32_t crc32_update(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ crc32_table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}
