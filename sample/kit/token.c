#include "token.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static int continues_name(char c)
{
    return starts_name(c) || isdigit((unsigned char)c);
}

struct token token_next(const char **source)
{
    const char *at = *source;
    while (isspace((unsigned char)*at))
        at++;
    struct token token = {TOKEN_END, at, 0, 0};
    if (isdigit((unsigned char)*at) || (*at == '.' && isdigit((unsigned char)at[1]))) {
        char *end;
        token.kind = TOKEN_NUMBER;
        token.number = strtod(at, &end);
        token.length = (size_t)(end - at);
    } else if (starts_name(*at)) {
        token.kind = TOKEN_NAME;
        while (continues_name(at[token.length]))
            token.length++;
    } else if (*at) {
        token.kind = strchr("+-*/^()=,", *at) ? TOKEN_OPERATOR : TOKEN_BAD;
        token.length = 1;
    }
    *source = at + token.length;
    return token;
}

const char *token_kind_name(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_END:
        return "end";
    case TOKEN_NUMBER:
        return "number";
    case TOKEN_NAME:
        return "name";
    case TOKEN_OPERATOR:
        return "operator";
    case TOKEN_BAD:
        return "bad character";
    }
    return "unknown";
}
