/* Breaks a paragraph into lines. */
#ifndef KIT_WRAP_H
#define KIT_WRAP_H
#include "strbuf.h"

/* Appends the words of `text` in lines of at most `width` characters (longer words stand alone). */
void wrap_text(struct strbuf *out, const char *text, size_t width, const char *indent);

#endif
