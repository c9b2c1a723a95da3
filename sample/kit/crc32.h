/* The checksum of zip, gzip and PNG. */
#ifndef KIT_CRC32_H
#define KIT_CRC32_H
#include <stddef.h>
#include <stdint.h>

/* Continues from `crc`, which is 0 at the start. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t size);

#endif
