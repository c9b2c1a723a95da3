#include "base64.h"
#include "check.h"
#include "crc32.h"
#include "roman.h"
#include "runs.h"
#include "sha256.h"

#include <string.h>

void check_codes(void);

static void check_base64(void)
{
    static const char *const pairs[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct strbuf coded = {0}, plain = {0};
        strbuf_puts(&coded, "");
        strbuf_puts(&plain, "");
        base64_encode(&coded, pairs[i][0], strlen(pairs[i][0]));
        CHECK_TEXT(coded.text, pairs[i][1]);
        CHECK(base64_decode(&plain, coded.text));
        CHECK_TEXT(plain.text, pairs[i][0]);
        strbuf_free(&coded);
        strbuf_free(&plain);
    }
    struct strbuf ignored = {0};
    CHECK(!base64_decode(&ignored, "Zg=") && !base64_decode(&ignored, "Z===") && !base64_decode(&ignored, "Zg=g"));
    strbuf_free(&ignored);
}

static void check_runs(void)
{
    char data[500];
    for (int i = 0; i < 500; i++)
        data[i] = i < 300 ? 'x' : (char)(i * i % 7);
    struct strbuf packed = {0}, back = {0};
    runs_pack(&packed, data, sizeof data);
    CHECK(packed.length < 250);
    CHECK(runs_unpack(&back, packed.text, packed.length));
    CHECK(back.length == sizeof data && memcmp(back.text, data, sizeof data) == 0);
    CHECK(!runs_unpack(&back, packed.text, packed.length - 1));
    strbuf_free(&packed);
    strbuf_free(&back);
}

void check_codes(void)
{
    char buffer[65];
    check_base64();
    check_runs();
    CHECK(crc32_update(0, "123456789", 9) == UINT32_C(0xcbf43926));
    CHECK(crc32_update(crc32_update(0, "1234", 4), "56789", 5) == UINT32_C(0xcbf43926));
    sha256_hex(buffer, "abc", 3);
    CHECK_TEXT(buffer, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(buffer, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
    CHECK_TEXT(buffer, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    for (int number = 1; number <= 3999; number += 37)
        CHECK(roman_parse(roman_print(number, buffer)) == number);
    CHECK(roman_parse("IIII") == 0 && roman_parse("") == 0 && roman_print(4000, buffer) == NULL);
}
