#include "sha256.h"

#include "tables.h"

#include <string.h>

static uint32_t rotate(uint32_t value, int by)
{
    return value >> by | value << (32 - by);
}

static void schedule(uint32_t words[64], const unsigned char block[64])
{
    for (int i = 0; i < 16; i++, block += 4)
        words[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = words[i - 15], b = words[i - 2];
        uint32_t mixed_a = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
        uint32_t mixed_b = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
        words[i] = words[i - 16] + mixed_a + words[i - 7] + mixed_b;
    }
}

static void compress(uint32_t state[8], const unsigned char block[64])
{
    uint32_t words[64], v[8];
    schedule(words, block);
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t high = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t low = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t first = v[7] + high + choice + sha256_rounds[i] + words[i];
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + low + majority;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

void sha256_hex(char digest[65], const void *data, size_t size)
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const unsigned char *bytes = data;
    size_t left = size;
    for (; left >= 64; left -= 64, bytes += 64)
        compress(state, bytes);
    unsigned char last[128] = {0};
    memcpy(last, bytes, left);
    last[left] = 0x80;
    size_t total = left < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++)
        last[total - 1 - (size_t)i] = (unsigned char)((uint64_t)size * 8 >> (8 * i));
    for (size_t at = 0; at < total; at += 64)
        compress(state, last + at);
    for (int i = 0; i < 64; i++)
        digest[i] = "0123456789abcdef"[state[i / 8] >> (28 - i % 8 * 4) & 15];
    digest[64] = '\0';
}
