/* The original LZO1X for tests and benches. `lzo2 c` packs and `lzo2 d` unpacks what stdin holds, any
 * number of times: length, most bytes of the result (two u32), bytes; and answers status, length
 * (two u32), bytes. `lzo2 bench FILE ROUNDS` prints the best nanoseconds of each way, and the size. */
#include <lzo/lzo1x.h>
#include <stdint.h>
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
        lzo_uint packed = 0, size = 0;
        long long best_pack = 1LL << 62, best_unpack = 1LL << 62;
        for (round = 0; round < rounds; round++) {
            long long begin = now(), middle, end;
            unsigned char *out = malloc(length + length / 16 + 67), *back;
            lzo1x_1_compress(in, length, out, &packed, work);
            middle = now();
            size = length + 1;
            back = malloc(size);
            lzo1x_decompress_safe(out, packed, back, &size, NULL);
            end = now();
            free(out);
            free(back);
            if (middle - begin < best_pack)
                best_pack = middle - begin;
            if (end - middle < best_unpack)
                best_unpack = end - middle;
        }
        printf("%lld %lld %lu\n", best_pack, best_unpack, (unsigned long)packed);
        return size == length ? 0 : 3;
    }
    if (strcmp(argv[1], "c") != 0 && strcmp(argv[1], "d") != 0)
        return 2;
    for (;;) {
        uint32_t head[2], answer[2];
        unsigned char *in, *out;
        lzo_uint size;
        if (fread(head, 4, 2, stdin) != 2)
            return 0;
        in = malloc(head[0] + 1);
        if (fread(in, 1, head[0], stdin) != head[0])
            return 3;
        size = argv[1][0] == 'd' ? head[1] : head[0] + head[0] / 16 + 67;
        out = malloc(size + 1);
        if (argv[1][0] == 'd')
            answer[0] = (uint32_t)lzo1x_decompress_safe(in, head[0], out, &size, NULL);
        else
            answer[0] = (uint32_t)lzo1x_1_compress(in, head[0], out, &size, work);
        answer[1] = answer[0] == 0 ? (uint32_t)size : 0;
        fwrite(answer, 4, 2, stdout);
        fwrite(out, 1, answer[1], stdout);
        fflush(stdout);
        free(in);
        free(out);
    }
}
