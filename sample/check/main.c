/* Checks the C library; exits 0 if all of it does what its headers say. */
#include "check.h"

#include <stdio.h>

int checks_made, checks_failed;

void check_text(void);
void check_codes(void);
void check_containers(void);
void check_numbers(void);
void check_reading(void);

void check_report(const char *file, int line, const char *what, int holds)
{
    checks_made++;
    if (!holds) {
        checks_failed++;
        fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    }
}

int main(void)
{
    check_text();
    check_codes();
    check_containers();
    check_numbers();
    check_reading();
    printf("%d checks of the C library, %d failed\n", checks_made, checks_failed);
    return checks_failed > 0;
}
