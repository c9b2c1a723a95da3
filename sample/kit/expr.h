/* Evaluates arithmetic such as `2 * (x + 3) ^ 2`. */
#ifndef KIT_EXPR_H
#define KIT_EXPR_H
#include "hashmap.h"

/* Names are looked up in `names` (may be NULL). On an error `*error` is set, else it is NULL. */
double expr_evaluate(const char *source, const struct hashmap *names, const char **error);

#endif
