// Keeps what was used last.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

template <typename Key, typename Value>
class Lru {
public:
    explicit Lru(std::size_t capacity) : capacity_(capacity) {}

    // The value of `key`, or nullptr; using it makes it the newest.
    Value *find(const Key &key)
    {
        const auto found = index_.find(key);
        if (found == index_.end())
            return nullptr;
        entries_.splice(entries_.begin(), entries_, found->second);
        return &found->second->second;
    }

    void insert(const Key &key, Value value)
    {
        if (Value *old = find(key)) {
            *old = std::move(value);
            return;
        }
        entries_.emplace_front(key, std::move(value));
        index_[key] = entries_.begin();
        if (entries_.size() > capacity_) {
            index_.erase(entries_.back().first);
            entries_.pop_back();
        }
    }

    std::size_t size() const { return entries_.size(); }

private:
    std::size_t capacity_;
    std::list<std::pair<Key, Value>> entries_;
    std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator> index_;
};
