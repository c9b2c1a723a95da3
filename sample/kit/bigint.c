#include "bigint.h"

struct bigint bigint_from(uint64_t value)
{
    return (struct bigint){{(uint32_t)value, (uint32_t)(value >> 32)}};
}

bool bigint_parse(struct bigint *number, const char *decimal)
{
    *number = bigint_from(0);
    if (!*decimal)
        return false;
    for (; *decimal; decimal++) {
        if (*decimal < '0' || *decimal > '9')
            return false;
        if (!bigint_multiply_small(number, 10, (uint32_t)(*decimal - '0')))
            return false;
    }
    return true;
}

bool bigint_add(struct bigint *number, const struct bigint *other)
{
    uint64_t carry = 0;
    for (int i = 0; i < BIGINT_DIGITS; i++) {
        carry += (uint64_t)number->digit[i] + other->digit[i];
        number->digit[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

bool bigint_multiply_small(struct bigint *number, uint32_t factor, uint32_t carry)
{
    uint64_t rest = carry;
    for (int i = 0; i < BIGINT_DIGITS; i++) {
        rest += (uint64_t)number->digit[i] * factor;
        number->digit[i] = (uint32_t)rest;
        rest >>= 32;
    }
    return rest == 0;
}

uint32_t bigint_divide_small(struct bigint *number, uint32_t divisor)
{
    uint64_t remainder = 0;
    for (int i = BIGINT_DIGITS - 1; i >= 0; i--) {
        remainder = remainder << 32 | number->digit[i];
        number->digit[i] = (uint32_t)(remainder / divisor);
        remainder %= divisor;
    }
    return (uint32_t)remainder;
}

int bigint_compare(const struct bigint *left, const struct bigint *right)
{
    for (int i = BIGINT_DIGITS - 1; i >= 0; i--)
        if (left->digit[i] != right->digit[i])
            return left->digit[i] < right->digit[i] ? -1 : 1;
    return 0;
}

const char *bigint_print(struct bigint number, char buffer[360])
{
    const struct bigint zero = bigint_from(0);
    char *at = buffer + 359;
    *at = '\0';
    do
        *--at = (char)('0' + bigint_divide_small(&number, 10));
    while (bigint_compare(&number, &zero) != 0);
    return at;
}
