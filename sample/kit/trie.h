/* A set of lower-case words that knows what begins with what. */
#ifndef KIT_TRIE_H
#define KIT_TRIE_H
#include "arena.h"

#include <stdbool.h>

struct trie_node;
struct trie {
    struct arena arena;
    struct trie_node *root;
};

bool trie_add(struct trie *trie, const char *word); /* false: it has other letters than a to z */
bool trie_has(const struct trie *trie, const char *word);
int trie_count_prefix(const struct trie *trie, const char *prefix);
void trie_free(struct trie *trie);

#endif
