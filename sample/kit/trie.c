#include "trie.h"

#include <string.h>

struct trie_node {
    struct trie_node *child[26];
    int words; /* here and below */
    bool ends;
};

static struct trie_node *new_node(struct trie *trie)
{
    struct trie_node *node = arena_alloc(&trie->arena, sizeof *node);
    if (node)
        memset(node, 0, sizeof *node);
    return node;
}

static const struct trie_node *find(const struct trie *trie, const char *word)
{
    const struct trie_node *node = trie->root;
    for (; node && *word; word++)
        node = *word >= 'a' && *word <= 'z' ? node->child[*word - 'a'] : NULL;
    return node;
}

bool trie_add(struct trie *trie, const char *word)
{
    if (word[strspn(word, "abcdefghijklmnopqrstuvwxyz")] != '\0')
        return false;
    if (trie_has(trie, word))
        return true;
    struct trie_node **link = &trie->root;
    for (;; link = &(*link)->child[*word++ - 'a']) {
        if (!*link && !(*link = new_node(trie)))
            return false;
        (*link)->words++;
        if (!*word)
            break;
    }
    (*link)->ends = true;
    return true;
}

bool trie_has(const struct trie *trie, const char *word)
{
    const struct trie_node *node = find(trie, word);
    return node && node->ends;
}

int trie_count_prefix(const struct trie *trie, const char *prefix)
{
    const struct trie_node *node = find(trie, prefix);
    return node ? node->words : 0;
}

void trie_free(struct trie *trie)
{
    arena_release(&trie->arena);
    trie->root = NULL;
}
