/* Splits arithmetic into tokens. */
#ifndef KIT_TOKEN_H
#define KIT_TOKEN_H
#include <stddef.h>

enum token_kind { TOKEN_END, TOKEN_NUMBER, TOKEN_NAME, TOKEN_OPERATOR, TOKEN_BAD };
struct token {
    enum token_kind kind;
    const char *text; /* where it begins in the source */
    size_t length;
    double number; /* of a number */
};

/* The token at `*source`, which moves behind it. */
struct token token_next(const char **source);
const char *token_kind_name(enum token_kind kind);

#endif
