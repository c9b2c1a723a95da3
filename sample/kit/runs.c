#include "runs.h"

enum { LONGEST = 128 };

static size_t run_at(const unsigned char *bytes, size_t left)
{
    size_t length = 1;
    while (length < left && length < LONGEST && bytes[length] == bytes[0])
        length++;
    return length;
}

/* A head of 0 to 127: so many bytes and one more follow. 129 to 255: 257 less that, of the next. */
void runs_pack(struct strbuf *out, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t at = 0;
    while (at < size) {
        size_t run = run_at(bytes + at, size - at);
        if (run > 2) {
            strbuf_putc(out, (char)(257 - run));
            strbuf_putc(out, (char)bytes[at]);
            at += run;
            continue;
        }
        size_t end = at;
        while (end < size && end - at < LONGEST && run_at(bytes + end, size - end) <= 2)
            end++;
        strbuf_putc(out, (char)(end - at - 1));
        strbuf_add(out, (const char *)bytes + at, end - at);
        at = end;
    }
}

bool runs_unpack(struct strbuf *out, const void *packed, size_t size)
{
    const unsigned char *bytes = packed, *end = bytes + size;
    while (bytes < end) {
        unsigned head = *bytes++;
        if (head < 128) {
            if ((size_t)(end - bytes) < head + 1)
                return false;
            strbuf_add(out, (const char *)bytes, head + 1);
            bytes += head + 1;
        } else if (head > 128) {
            if (bytes == end)
                return false;
            for (unsigned i = 0; i < 257 - head; i++)
                strbuf_putc(out, (char)*bytes);
            bytes++;
        }
    }
    return true;
}
