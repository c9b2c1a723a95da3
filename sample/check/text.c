#include "check.h"
#include "distance.h"
#include "glob.h"
#include "strbuf.h"
#include "utf8.h"
#include "wrap.h"

#include <string.h>

void check_text(void);

static void check_strbuf(void)
{
    struct strbuf buf = {0};
    strbuf_puts(&buf, "nine");
    strbuf_putc(&buf, ' ');
    strbuf_printf(&buf, "%d%%", 90);
    CHECK_TEXT(buf.text, "nine 90%");
    for (int i = 0; i < 100; i++)
        strbuf_puts(&buf, "0123456789");
    CHECK(buf.length == 1008 && strlen(buf.text) == 1008);
    strbuf_free(&buf);
}

static void check_utf8(void)
{
    static const uint32_t characters[] = {'a', 0x7f, 0x80, 0x7ff, 0x20ac, 0xffff, 0x1f600, 0x10ffff};
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        char bytes[4];
        uint32_t back = 0;
        int length = utf8_encode(bytes, characters[i]);
        CHECK(utf8_decode(&back, bytes, (size_t)length) == length && back == characters[i]);
        CHECK(utf8_decode(&back, bytes, (size_t)length - 1) == 0);
    }
    uint32_t ignored;
    CHECK(utf8_decode(&ignored, "\xc0\xaf", 2) == 0);
    CHECK(utf8_decode(&ignored, "\xed\xa0\x80", 3) == 0);
    CHECK(utf8_count("na\xc3\xafve", 6) == 5);
}

static void check_wrap(void)
{
    struct strbuf out = {0};
    wrap_text(&out, "a build is  a tree\nof jobs that wait for one another", 16, "  ");
    CHECK_TEXT(out.text, "  a build is a\n  tree of jobs\n  that wait for\n  one another\n");
    strbuf_free(&out);
}

void check_text(void)
{
    static const char *const words[] = {"compile", "connect", "receive", NULL};
    check_strbuf();
    check_utf8();
    check_wrap();
    CHECK(distance("kitten", "sitting") == 3);
    CHECK(distance("", "abc") == 3);
    CHECK_TEXT(distance_nearest("recieve", words, 2), "receive");
    CHECK(distance_nearest("banana", words, 2) == NULL);
    CHECK(glob_match("*.c", "strbuf.c") && !glob_match("*.c", "strbuf.cc"));
    CHECK(glob_match("a*b*c", "a-b-b-c") && !glob_match("a*b*c", "a-c-b"));
    CHECK(glob_match("[!a-f]?", "x1") && !glob_match("[!a-f]?", "b1"));
    CHECK(glob_match("\\*", "*") && !glob_match("\\*", "x"));
}
