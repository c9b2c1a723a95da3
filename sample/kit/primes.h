/* Small number theory. */
#ifndef KIT_PRIMES_H
#define KIT_PRIMES_H
#include <stdbool.h>
#include <stdint.h>

uint32_t primes_gcd(uint32_t a, uint32_t b);
uint32_t primes_power_mod(uint32_t base, uint32_t exponent, uint32_t modulus);
bool primes_is_prime(uint32_t number); /* exact for all 32-bit numbers */
int primes_factor(uint32_t number, uint32_t factors[32]); /* in rising order; how many */

#endif
