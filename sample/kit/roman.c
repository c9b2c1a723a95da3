#include "roman.h"

#include <stddef.h>
#include <string.h>

static const struct {
    int value;
    const char *letters;
} steps[] = {
    {1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
    {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"},
};

const char *roman_print(int number, char buffer[16])
{
    if (number < 1 || number > 3999)
        return NULL;
    buffer[0] = '\0';
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (; number >= steps[i].value; number -= steps[i].value)
            strcat(buffer, steps[i].letters);
    return buffer;
}

int roman_parse(const char *text)
{
    const char *at = text;
    int number = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        size_t length = strlen(steps[i].letters);
        for (; strncmp(at, steps[i].letters, length) == 0 && number <= 3999; at += length)
            number += steps[i].value;
    }
    /* Only the one way of writing a number that printing it gives is right. */
    char buffer[16];
    const char *printed = roman_print(number, buffer);
    return printed && strcmp(printed, text) == 0 ? number : 0;
}
