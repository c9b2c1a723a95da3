/* Writes tables.h: numbers that are easier to compute than to copy without a mistake. */
#include <stdint.h>
#include <stdio.h>

/* The remainder table of CRC-32 for the reflected polynomial of IEEE 802.3. */
static uint32_t crc_entry(uint32_t index)
{
    for (int bit = 0; bit < 8; bit++)
        index = index & 1 ? index >> 1 ^ UINT32_C(0xedb88320) : index >> 1;
    return index;
}

/* The first 32 bits of the fraction of the cube root of `prime`, by Newton's method. */
static uint32_t cube_root_fraction(uint32_t prime)
{
    double root = prime;
    for (int step = 0; step < 40; step++)
        root -= (root * root * root - prime) / (3 * root * root);
    double fraction = root - (int)root;
    return (uint32_t)(fraction * 4294967296.0);
}

static int is_prime(uint32_t number)
{
    for (uint32_t divisor = 2; divisor * divisor <= number; divisor++)
        if (number % divisor == 0)
            return 0;
    return number > 1;
}

static void print_entry(int index, uint32_t value)
{
    printf("%s0x%08xu,", index % 6 == 0 ? "\n    " : " ", (unsigned)value);
}

int main(void)
{
    puts("/* Made by maketables.c. */\n#ifndef KIT_TABLES_H\n#define KIT_TABLES_H\n#include <stdint.h>\n");
    printf("static const uint32_t crc32_table[256] = {");
    for (int index = 0; index < 256; index++)
        print_entry(index, crc_entry((uint32_t)index));
    printf("\n};\n\nstatic const uint32_t sha256_rounds[64] = {");
    uint32_t prime = 1;
    for (int index = 0; index < 64; index++) {
        do
            prime++;
        while (!is_prime(prime));
        print_entry(index, cube_root_fraction(prime));
    }
    puts("\n};\n\n#endif");
    return 0;
}
