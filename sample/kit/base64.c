#include "base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct strbuf *out, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        if (left > 1)
            group |= (uint32_t)bytes[at + 1] << 8;
        if (left > 2)
            group |= bytes[at + 2];
        strbuf_putc(out, alphabet[group >> 18]);
        strbuf_putc(out, alphabet[group >> 12 & 63]);
        strbuf_putc(out, left > 1 ? alphabet[group >> 6 & 63] : '=');
        strbuf_putc(out, left > 2 ? alphabet[group & 63] : '=');
    }
}

bool base64_decode(struct strbuf *out, const char *text)
{
    size_t length = strlen(text);
    if (length % 4 != 0)
        return false;
    for (size_t at = 0; at < length; at += 4) {
        uint32_t group = 0;
        int padding = 0;
        for (int i = 0; i < 4; i++) {
            const char *found = strchr(alphabet, text[at + i]);
            if (text[at + i] == '=' && at + 4 == length && i >= 2)
                padding++;
            else if (!found || padding > 0)
                return false;
            group = group << 6 | (padding ? 0 : (uint32_t)(found - alphabet));
        }
        const char bytes[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
        strbuf_add(out, bytes, (size_t)(3 - padding));
    }
    return true;
}
