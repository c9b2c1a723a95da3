#include "primes.h"

uint32_t primes_gcd(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

uint32_t primes_power_mod(uint32_t base, uint32_t exponent, uint32_t modulus)
{
    uint64_t result = 1 % modulus, square = base % modulus;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = result * square % modulus;
        square = square * square % modulus;
    }
    return (uint32_t)result;
}

/* Miller and Rabin's test for one witness. */
static bool passes(uint32_t number, uint32_t witness)
{
    uint32_t odd = number - 1;
    int twos = 0;
    for (; odd % 2 == 0; odd /= 2)
        twos++;
    uint64_t value = primes_power_mod(witness, odd, number);
    if (value == 1 || value == number - 1)
        return true;
    while (--twos > 0) {
        value = value * value % number;
        if (value == number - 1)
            return true;
    }
    return false;
}

bool primes_is_prime(uint32_t number)
{
    static const uint32_t witnesses[] = {2, 7, 61};
    if (number < 2)
        return false;
    for (int i = 0; i < 3; i++) {
        if (number == witnesses[i])
            return true;
        if (number % witnesses[i] == 0 || !passes(number, witnesses[i]))
            return false;
    }
    return true;
}

int primes_factor(uint32_t number, uint32_t factors[32])
{
    int count = 0;
    for (uint32_t divisor = 2; divisor <= number / divisor; divisor++)
        for (; number % divisor == 0; number /= divisor)
            factors[count++] = divisor;
    if (number > 1)
        factors[count++] = number;
    return count;
}
