/* UTF-8, strictly: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef KIT_UTF8_H
#define KIT_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `text` and its number, or 0 if there is none. */
int utf8_decode(uint32_t *character, const char *text, size_t size);
int utf8_encode(char out[4], uint32_t character);
/* How many characters; a byte that is not part of one counts as one. */
size_t utf8_count(const char *text, size_t size);

#endif
