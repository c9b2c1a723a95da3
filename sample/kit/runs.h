/* Run-length coding as PackBits does it. */
#ifndef KIT_RUNS_H
#define KIT_RUNS_H
#include "strbuf.h"

#include <stdbool.h>

void runs_pack(struct strbuf *out, const void *data, size_t size);
bool runs_unpack(struct strbuf *out, const void *packed, size_t size); /* false: cut short */

#endif
