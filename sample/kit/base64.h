/* RFC 4648, section 4. */
#ifndef KIT_BASE64_H
#define KIT_BASE64_H
#include "strbuf.h"

#include <stdbool.h>

void base64_encode(struct strbuf *out, const void *data, size_t size);
bool base64_decode(struct strbuf *out, const char *text); /* false: not base64 */

#endif
