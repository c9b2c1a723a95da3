// A search tree that stays balanced by chance.
#pragma once

#include "chance.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

template <typename Key, typename Less = std::less<Key>>
class Treap {
public:
    explicit Treap(std::uint64_t seed = 1) { chance_seed(&chance_, seed); }

    bool insert(const Key &key)
    {
        if (contains(key))
            return false;
        auto [low, high] = split(std::move(root_), key);
        auto node = std::make_unique<Node>(Node{key, chance_next(&chance_), 1, {}, {}});
        root_ = join(join(std::move(low), std::move(node)), std::move(high));
        return true;
    }

    bool contains(const Key &key) const
    {
        const Node *node = root_.get();
        while (node && (less_(key, node->key) || less_(node->key, key)))
            node = less_(key, node->key) ? node->left.get() : node->right.get();
        return node != nullptr;
    }

    // The key that has `index` lesser ones, or nullptr.
    const Key *at(std::size_t index) const
    {
        const Node *node = root_.get();
        while (node) {
            const std::size_t lesser = size(node->left);
            if (index == lesser)
                return &node->key;
            node = index < lesser ? node->left.get() : node->right.get();
            if (index > lesser)
                index -= lesser + 1;
        }
        return nullptr;
    }

    std::size_t size() const { return size(root_); }

private:
    struct Node;
    using Link = std::unique_ptr<Node>;
    struct Node {
        Key key;
        std::uint64_t priority;
        std::size_t size;
        Link left, right;
    };

    static std::size_t size(const Link &node) { return node ? node->size : 0; }

    static Link counted(Link node)
    {
        node->size = size(node->left) + 1 + size(node->right);
        return node;
    }

    std::pair<Link, Link> split(Link node, const Key &key)
    {
        if (!node)
            return {};
        if (less_(node->key, key)) {
            auto [low, high] = split(std::move(node->right), key);
            node->right = std::move(low);
            return {counted(std::move(node)), std::move(high)};
        }
        auto [low, high] = split(std::move(node->left), key);
        node->left = std::move(high);
        return {std::move(low), counted(std::move(node))};
    }

    static Link join(Link low, Link high)
    {
        if (!low || !high)
            return low ? std::move(low) : std::move(high);
        if (low->priority > high->priority) {
            low->right = join(std::move(low->right), std::move(high));
            return counted(std::move(low));
        }
        high->left = join(std::move(low), std::move(high->left));
        return counted(std::move(high));
    }

    Link root_;
    Less less_{};
    struct chance chance_;
};
