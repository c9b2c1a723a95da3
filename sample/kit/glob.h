/* File name patterns: `*`, `?`, `[a-z]`, `[!x]`, and a backslash before what is meant as it is. */
#ifndef KIT_GLOB_H
#define KIT_GLOB_H
#include <stdbool.h>

bool glob_match(const char *pattern, const char *name);

#endif
