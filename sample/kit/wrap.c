#include "wrap.h"

#include "utf8.h"

#include <string.h>

static const char blanks[] = " \t\r\n";

void wrap_text(struct strbuf *out, const char *text, size_t width, const char *indent)
{
    size_t column = 0;
    for (;;) {
        text += strspn(text, blanks);
        size_t bytes = strcspn(text, blanks);
        if (bytes == 0)
            break;
        size_t columns = utf8_count(text, bytes);
        if (column > 0 && column + 1 + columns > width) {
            strbuf_putc(out, '\n');
            column = 0;
        }
        if (column == 0) {
            strbuf_puts(out, indent);
            column = utf8_count(indent, strlen(indent));
        } else {
            strbuf_putc(out, ' ');
            column++;
        }
        strbuf_add(out, text, bytes);
        column += columns;
        text += bytes;
    }
    if (column > 0)
        strbuf_putc(out, '\n');
}
