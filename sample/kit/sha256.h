/* FIPS 180-4, for data that is in memory. */
#ifndef KIT_SHA256_H
#define KIT_SHA256_H
#include <stddef.h>

/* Writes the digest as 64 hexadecimal digits and a NUL. */
void sha256_hex(char digest[65], const void *data, size_t size);

#endif
