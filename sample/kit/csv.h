/* RFC 4180: fields may be quoted, and hold commas, quotes and line ends then. */
#ifndef KIT_CSV_H
#define KIT_CSV_H
#include "strbuf.h"

/* Reads the field at `*text` into `field` and moves behind it and its separator.
 * Gives ',' or '\n' (the record ends here too at the end of the text), or 0 for a stray quote. */
char csv_field(struct strbuf *field, const char **text);
void csv_print_field(struct strbuf *out, const char *field);

#endif
