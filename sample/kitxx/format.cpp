#include "format.hpp"

namespace format_detail {

namespace {

// Copies until a place or the end; whether it was a place.
bool copy(std::ostringstream &out, std::string_view &pattern)
{
    while (!pattern.empty()) {
        const char c = pattern.front();
        const bool doubled = pattern.size() > 1 && pattern[1] == c;
        if (c == '{' && pattern.size() > 1 && pattern[1] == '}') {
            pattern.remove_prefix(2);
            return true;
        }
        if ((c == '{' || c == '}') && !doubled)
            throw std::invalid_argument("single brace in a format");
        out << c;
        pattern.remove_prefix(c == '{' || c == '}' ? 2 : 1);
    }
    return false;
}

} // namespace

std::string_view copy_to_place(std::ostringstream &out, std::string_view pattern)
{
    if (!copy(out, pattern))
        throw std::invalid_argument("more values than places in a format");
    return pattern;
}

void copy_rest(std::ostringstream &out, std::string_view pattern)
{
    if (copy(out, pattern))
        throw std::invalid_argument("fewer values than places in a format");
}

} // namespace format_detail
