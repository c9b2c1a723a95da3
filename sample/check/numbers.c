#include "bigint.h"
#include "chance.h"
#include "check.h"
#include "date.h"
#include "matrix.h"
#include "primes.h"

#include <string.h>

void check_numbers(void);

static void check_bigint(void)
{
    struct bigint factorial = bigint_from(1), parsed;
    char buffer[360];
    for (uint32_t i = 2; i <= 30; i++)
        CHECK(bigint_multiply_small(&factorial, i, 0));
    CHECK_TEXT(bigint_print(factorial, buffer), "265252859812191058636308480000000");
    CHECK(bigint_parse(&parsed, "265252859812191058636308479999999"));
    CHECK(bigint_compare(&parsed, &factorial) < 0);
    const struct bigint one = bigint_from(1);
    CHECK(bigint_add(&parsed, &one) && bigint_compare(&parsed, &factorial) == 0);
    CHECK(bigint_divide_small(&parsed, 31) == 30); /* Wilson: (p - 1)! is -1 modulo p */
    CHECK(!bigint_parse(&parsed, "12a"));
}

static void check_matrix(void)
{
    double matrix[9] = {2, 1, -1, -3, -1, 2, -2, 1, 2}, right[3] = {8, -11, -3};
    double unit[9], product[9];
    matrix_identity(unit, 3);
    matrix_multiply(product, matrix, unit, 3);
    CHECK(memcmp(product, matrix, sizeof matrix) == 0);
    matrix_transpose(product, 3);
    CHECK(product[1] == -3 && product[3] == 1);
    double determinant = matrix_determinant(matrix, 3);
    CHECK(determinant < -0.999 && determinant > -1.001);
    CHECK(matrix_solve(matrix, right, 3));
    CHECK(right[0] > 1.999 && right[0] < 2.001 && right[2] < -0.999 && right[2] > -1.001);
}

static void check_dates(void)
{
    struct date date;
    CHECK(date_parse(&date, "2000-02-29") && date_to_days(date) == 11016);
    CHECK(!date_parse(&date, "1900-02-29") && !date_parse(&date, "2001-02-03x"));
    CHECK(date_weekday(0) == 3); /* a Thursday */
    for (long days = -800000; days < 800000; days += 997) {
        date = date_from_days(days);
        CHECK(date_is_valid(date) && date_to_days(date) == days);
    }
}

void check_numbers(void)
{
    uint32_t factors[32];
    struct chance chance;
    int items[50], seen = 0;
    check_bigint();
    check_matrix();
    check_dates();
    CHECK(primes_gcd(1071, 462) == 21 && primes_power_mod(3, 200, 13) == 9);
    CHECK(primes_is_prime(4294967291u) && !primes_is_prime(4294967293u) && !primes_is_prime(25326001));
    CHECK(primes_factor(360, factors) == 6 && factors[3] == 3 && factors[5] == 5);
    chance_seed(&chance, 42);
    for (int i = 0; i < 50; i++)
        items[i] = i;
    chance_shuffle(&chance, items, 50);
    for (int i = 0; i < 50; i++)
        seen += items[i];
    CHECK(seen == 1225 && chance_below(&chance, 6) < 6);
}
