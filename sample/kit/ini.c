#include "ini.h"

#include <ctype.h>
#include <string.h>

enum { LINE_LIMIT = 256 };

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

int ini_parse(const char *text, ini_visitor *visit, void *context)
{
    char section[LINE_LIMIT] = "";
    for (int number = 1; *text; number++) {
        char buffer[LINE_LIMIT];
        size_t length = strcspn(text, "\n");
        if (length >= sizeof buffer)
            return number;
        memcpy(buffer, text, length);
        buffer[length] = '\0';
        text += length + (text[length] == '\n');
        char *line = trimmed(buffer);
        if (*line == '\0' || *line == '#' || *line == ';')
            continue;
        char *equals = strchr(line, '=');
        if (*line == '[') {
            char *end = strchr(line, ']');
            if (!end || end[1] != '\0')
                return number;
            *end = '\0';
            strcpy(section, trimmed(line + 1));
        } else if (equals) {
            *equals = '\0';
            int stop = visit(context, section, trimmed(line), trimmed(equals + 1));
            if (stop)
                return -stop;
        } else {
            return number;
        }
    }
    return 0;
}
