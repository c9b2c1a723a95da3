#include "utf8.h"

static int length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

int utf8_decode(uint32_t *character, const char *text, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (size == 0)
        return 0;
    const unsigned char *bytes = (const unsigned char *)text;
    int length = length_of(bytes[0]);
    if (length == 0 || (size_t)length > size)
        return 0;
    uint32_t value = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 0;
    *character = value;
    return length;
}

int utf8_encode(char out[4], uint32_t character)
{
    if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
        return 0;
    int length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, character >>= 6)
        out[i] = (char)(0x80 | (character & 0x3f));
    static const unsigned char mark[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(mark[length] | character);
    return length;
}

size_t utf8_count(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at < size; count++) {
        uint32_t character;
        int length = utf8_decode(&character, text + at, size - at);
        at += length > 0 ? (size_t)length : 1;
    }
    return count;
}
