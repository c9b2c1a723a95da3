#include "check.h"
#include "csv.h"
#include "expr.h"
#include "ini.h"
#include "json.h"
#include "token.h"

#include <string.h>

void check_reading(void);

static int collect(void *context, const char *section, const char *key, const char *value)
{
    strbuf_printf(context, "%s.%s=%s;", section, key, value);
    return strcmp(key, "stop") == 0;
}

static void check_ini(void)
{
    struct strbuf seen = {0};
    CHECK(ini_parse("# hosts\n[a]\nslots = 4\n\n[b]\n port=3632\n", collect, &seen) == 0);
    CHECK_TEXT(seen.text, "a.slots=4;b.port=3632;");
    CHECK(ini_parse("x=1\nwhat\n", collect, &seen) == 2);
    CHECK(ini_parse("stop=now\nwhat\n", collect, &seen) == -1);
    strbuf_free(&seen);
}

static void check_csv(void)
{
    const char *text = "plain,\"a \"\"b\"\", c\"\r\nlast";
    struct strbuf field = {0}, out = {0};
    CHECK(csv_field(&field, &text) == ',' && strcmp(field.text, "plain") == 0);
    CHECK(csv_field(&field, &text) == '\n' && strcmp(field.text, "a \"b\", c") == 0);
    csv_print_field(&out, field.text);
    CHECK_TEXT(out.text, "\"a \"\"b\"\", c\"");
    CHECK(csv_field(&field, &text) == '\n' && strcmp(field.text, "last") == 0 && *text == '\0');
    text = "\"open";
    CHECK(csv_field(&field, &text) == 0);
    strbuf_free(&field);
    strbuf_free(&out);
}

static void check_json(void)
{
    struct strbuf out = {0};
    struct json json = {&out, 0, true};
    json_open(&json, NULL, '{');
    json_string(&json, "file", "a\"b\\c\n");
    json_number(&json, "ms", 12.5);
    json_open(&json, "tags", '[');
    json_bool(&json, NULL, true);
    json_close(&json, ']');
    json_close(&json, '}');
    CHECK_TEXT(out.text, "{\n  \"file\": \"a\\\"b\\\\c\\n\",\n  \"ms\": 12.5,\n  \"tags\": [\n    true\n  ]\n}");
    strbuf_free(&out);
}

void check_reading(void)
{
    struct hashmap names = {0};
    const char *error, *source = "x1 + 2.5e1";
    check_ini();
    check_csv();
    check_json();
    struct token token = token_next(&source);
    CHECK(token.kind == TOKEN_NAME && token.length == 2);
    CHECK_TEXT(token_kind_name(token_next(&source).kind), "operator");
    CHECK(token_next(&source).number == 25 && token_next(&source).kind == TOKEN_END);
    hashmap_set(&names, "x", 4);
    CHECK(expr_evaluate("2 * (x + 3) ^ 2 - -1", &names, &error) == 99 && !error);
    CHECK(expr_evaluate("2 ^ 3 ^ 2 / 4", NULL, &error) == 128 && !error);
    expr_evaluate("(1 + y", &names, &error);
    CHECK_TEXT(error, "unknown name");
    expr_evaluate("(1 + 2", NULL, &error);
    CHECK_TEXT(error, "missing )");
    expr_evaluate("1 2", NULL, &error);
    CHECK_TEXT(error, "operator expected");
    hashmap_free(&names);
}
