/* How unlike two words are. */
#ifndef KIT_DISTANCE_H
#define KIT_DISTANCE_H
#include <stddef.h>

/* Insertions, deletions and replacements that turn one word into the other (Levenshtein). */
size_t distance(const char *from, const char *to);
/* The word of the NULL-terminated list that is nearest, or NULL if none is within `limit`. */
const char *distance_nearest(const char *word, const char *const *list, size_t limit);

#endif
