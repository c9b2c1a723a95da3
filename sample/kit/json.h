/* Prints JSON, a value at a time; commas and indentation are taken care of. */
#ifndef KIT_JSON_H
#define KIT_JSON_H
#include "strbuf.h"

#include <stdbool.h>

struct json {
    struct strbuf *out;
    int depth;
    bool first; /* nothing stands in the innermost array or object yet */
};

void json_open(struct json *json, const char *key, char bracket); /* '[' or '{'; key or NULL */
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);

#endif
