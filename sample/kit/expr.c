#include "expr.h"

#include "token.h"

#include <string.h>

struct parser {
    const char *rest;
    struct token now;
    const struct hashmap *names;
    const char *error;
};

static void advance(struct parser *parser)
{
    parser->now = token_next(&parser->rest);
    if (parser->now.kind == TOKEN_BAD)
        parser->error = "unexpected character";
}

static int take(struct parser *parser, char operator)
{
    if (parser->now.kind != TOKEN_OPERATOR || *parser->now.text != operator)
        return 0;
    advance(parser);
    return 1;
}

static double sum(struct parser *parser);

static double named(struct parser *parser)
{
    char name[64];
    long value = 0;
    if (parser->now.length >= sizeof name) {
        parser->error = "name too long";
        return 0;
    }
    memcpy(name, parser->now.text, parser->now.length);
    name[parser->now.length] = '\0';
    if (!parser->names || !hashmap_get(parser->names, name, &value))
        parser->error = "unknown name";
    return (double)value;
}

static double atom(struct parser *parser)
{
    double value = 0;
    if (take(parser, '-'))
        return -atom(parser);
    if (take(parser, '(')) {
        value = sum(parser);
        if (!take(parser, ')') && !parser->error)
            parser->error = "missing )";
        return value;
    }
    if (parser->now.kind == TOKEN_NUMBER)
        value = parser->now.number;
    else if (parser->now.kind == TOKEN_NAME)
        value = named(parser);
    else if (!parser->error)
        parser->error = "number expected";
    if (!parser->error)
        advance(parser);
    return value;
}

static double power(struct parser *parser)
{
    double base = atom(parser);
    if (!take(parser, '^'))
        return base;
    double exponent = power(parser), value = 1;
    for (int i = 0; i < (int)exponent; i++)
        value *= base;
    return value;
}

static double product(struct parser *parser)
{
    double value = power(parser);
    for (;;) {
        if (take(parser, '*'))
            value *= power(parser);
        else if (take(parser, '/'))
            value /= power(parser);
        else
            return value;
    }
}

static double sum(struct parser *parser)
{
    double value = product(parser);
    for (;;) {
        if (take(parser, '+'))
            value += product(parser);
        else if (take(parser, '-'))
            value -= product(parser);
        else
            return value;
    }
}

double expr_evaluate(const char *source, const struct hashmap *names, const char **error)
{
    struct parser parser = {source, {TOKEN_END, source, 0, 0}, names, NULL};
    advance(&parser);
    double value = sum(&parser);
    if (!parser.error && parser.now.kind != TOKEN_END)
        parser.error = "operator expected";
    *error = parser.error;
    return value;
}
