#include "csv.h"

#include <string.h>

static char separator(const char **text)
{
    if (**text == '\r' && (*text)[1] == '\n')
        ++*text;
    switch (**text) {
    case '\0':
        return '\n';
    case ',':
    case '\n':
        return *(*text)++;
    default:
        return 0;
    }
}

char csv_field(struct strbuf *field, const char **text)
{
    field->length = 0;
    strbuf_puts(field, "");
    if (**text != '"') {
        size_t length = strcspn(*text, ",\r\n\"");
        strbuf_add(field, *text, length);
        *text += length;
        return separator(text);
    }
    for (++*text;; ++*text) {
        if (**text == '\0')
            return 0;
        if (**text == '"') {
            if ((*text)[1] != '"')
                break;
            ++*text;
        }
        strbuf_putc(field, **text);
    }
    ++*text;
    return separator(text);
}

void csv_print_field(struct strbuf *out, const char *field)
{
    if (!field[strcspn(field, ",\"\r\n")]) {
        strbuf_puts(out, field);
        return;
    }
    strbuf_putc(out, '"');
    for (; *field; field++) {
        if (*field == '"')
            strbuf_putc(out, '"');
        strbuf_putc(out, *field);
    }
    strbuf_putc(out, '"');
}
