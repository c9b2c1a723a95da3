/* The original LZO1X for tests and benches: `lzo2 c` packs stdin, `lzo2 d SIZE` unpacks it to at
 * most SIZE bytes, `lzo2 bench FILE ROUNDS` prints nanoseconds a round for each way. */
#include <lzo/lzo1x.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned char *read_all(FILE *from, size_t *length)
{
    size_t room = 1 << 16, have = 0, got;
    unsigned char *bytes = malloc(room);
    while ((got = fread(bytes + have, 1, room - have, from)) > 0) {
        have += got;
        if (have == room)
            bytes = realloc(bytes, room *= 2);
    }
    *length = have;
    return bytes;
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv)
{
    size_t length;
    unsigned char *work = malloc(LZO1X_1_MEM_COMPRESS);
    if (argc < 2 || lzo_init() != LZO_E_OK)
        return 2;
    if (strcmp(argv[1], "bench") == 0 && argc == 4) {
        FILE *file = fopen(argv[2], "rb");
        int round, rounds = atoi(argv[3]);
        unsigned char *in = read_all(file, &length);
        unsigned char *out = malloc(length + length / 16 + 67), *back = malloc(length + 1);
        lzo_uint packed = 0, size = 0;
        long long best_pack = 1LL << 62, best_unpack = 1LL << 62;
        for (round = 0; round < rounds; round++) {
            long long begin = now(), middle, end;
            lzo1x_1_compress(in, length, out, &packed, work);
            middle = now();
            size = length + 1;
            lzo1x_decompress_safe(out, packed, back, &size, NULL);
            end = now();
            if (middle - begin < best_pack)
                best_pack = middle - begin;
            if (end - middle < best_unpack)
                best_unpack = end - middle;
        }
        printf("%lld %lld %lu\n", best_pack, best_unpack, (unsigned long)packed);
        return size == length ? 0 : 3;
    }
    unsigned char *in = read_all(stdin, &length);
    if (strcmp(argv[1], "c") == 0) {
        unsigned char *out = malloc(length + length / 16 + 67);
        lzo_uint packed = 0;
        if (lzo1x_1_compress(in, length, out, &packed, work) != LZO_E_OK)
            return 4;
        return fwrite(out, 1, packed, stdout) == packed ? 0 : 5;
    }
    if (strcmp(argv[1], "d") == 0 && argc == 3) {
        lzo_uint size = strtoul(argv[2], NULL, 10);
        unsigned char *out = malloc(size + 1);
        if (lzo1x_decompress_safe(in, length, out, &size, NULL) != LZO_E_OK)
            return 6;
        return fwrite(out, 1, size, stdout) == size ? 0 : 7;
    }
    return 2;
}
