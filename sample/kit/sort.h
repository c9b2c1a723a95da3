/* A stable sort. */
#ifndef KIT_SORT_H
#define KIT_SORT_H
#include <stddef.h>

typedef int sort_order(const void *left, const void *right);

/* Merge sort over elements of any size; equal ones keep their order. */
void sort_stable(void *base, size_t count, size_t size, sort_order *order);
/* The first element that is not less than `key`, or `count`. */
size_t sort_lower_bound(const void *base, size_t count, size_t size, const void *key, sort_order *order);

#endif
