/* Reads `[section]`, `key = value` and comments. */
#ifndef KIT_INI_H
#define KIT_INI_H

/* Called for each value; the texts live until it returns. Give non-zero to stop. */
typedef int ini_visitor(void *context, const char *section, const char *key, const char *value);

/* 0, or the number of the first line that cannot be read, or what the visitor gave, negated. */
int ini_parse(const char *text, ini_visitor *visit, void *context);

#endif
