/* Whole numbers from zero up to 1152 bits: enough for 100 factorial twice over. */
#ifndef KIT_BIGINT_H
#define KIT_BIGINT_H
#include <stdbool.h>
#include <stdint.h>

enum { BIGINT_DIGITS = 36 };
struct bigint {
    uint32_t digit[BIGINT_DIGITS]; /* the lowest first */
};

struct bigint bigint_from(uint64_t value);
bool bigint_parse(struct bigint *number, const char *decimal);
bool bigint_add(struct bigint *number, const struct bigint *other); /* false: too large */
bool bigint_multiply_small(struct bigint *number, uint32_t factor, uint32_t carry);
uint32_t bigint_divide_small(struct bigint *number, uint32_t divisor); /* gives the remainder */
int bigint_compare(const struct bigint *left, const struct bigint *right);
/* Writes the decimal digits at the end of `buffer`, and gives where they begin. */
const char *bigint_print(struct bigint number, char buffer[360]);

#endif
