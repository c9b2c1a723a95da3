#include "json.h"

static void quoted(struct strbuf *out, const char *text)
{
    strbuf_putc(out, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        switch (c) {
        case '"':
        case '\\':
            strbuf_putc(out, '\\');
            strbuf_putc(out, *text);
            break;
        case '\n':
            strbuf_puts(out, "\\n");
            break;
        case '\t':
            strbuf_puts(out, "\\t");
            break;
        default:
            if (c < 0x20)
                strbuf_printf(out, "\\u%04x", c);
            else
                strbuf_putc(out, *text);
        }
    }
    strbuf_putc(out, '"');
}

static void line(struct json *json)
{
    if (json->depth > 0)
        strbuf_putc(json->out, '\n');
    for (int i = 0; i < json->depth; i++)
        strbuf_puts(json->out, "  ");
}

static void before_value(struct json *json, const char *key)
{
    if (!json->first && json->depth > 0)
        strbuf_putc(json->out, ',');
    line(json);
    json->first = false;
    if (key) {
        quoted(json->out, key);
        strbuf_puts(json->out, ": ");
    }
}

void json_open(struct json *json, const char *key, char bracket)
{
    before_value(json, key);
    strbuf_putc(json->out, bracket);
    json->depth++;
    json->first = true;
}

void json_close(struct json *json, char bracket)
{
    bool empty = json->first;
    json->depth--;
    json->first = false;
    if (!empty) {
        strbuf_putc(json->out, '\n');
        for (int i = 0; i < json->depth; i++)
            strbuf_puts(json->out, "  ");
    }
    strbuf_putc(json->out, bracket);
}

void json_string(struct json *json, const char *key, const char *value)
{
    before_value(json, key);
    quoted(json->out, value);
}

void json_number(struct json *json, const char *key, double value)
{
    before_value(json, key);
    strbuf_printf(json->out, "%.15g", value);
}

void json_bool(struct json *json, const char *key, bool value)
{
    before_value(json, key);
    strbuf_puts(json->out, value ? "true" : "false");
}
