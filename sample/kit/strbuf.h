/* A string that grows. It is always terminated, and `text` is never NULL after the first append. */
#ifndef KIT_STRBUF_H
#define KIT_STRBUF_H
#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct strbuf {
    char *text;
    size_t length, capacity;
};

void strbuf_add(struct strbuf *buf, const char *bytes, size_t count);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_free(struct strbuf *buf);

#ifdef __cplusplus
}
#endif
#endif
