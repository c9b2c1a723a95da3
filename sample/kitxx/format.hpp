// `format("{} of {}", 3, "four")`: the arguments in order, `{{` for a brace.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace format_detail {

// Copies up to the next `{}` and gives what is behind it; throws if there is none.
std::string_view copy_to_place(std::ostringstream &out, std::string_view pattern);
// Copies all of it; throws if there still is a `{}`.
void copy_rest(std::ostringstream &out, std::string_view pattern);

} // namespace format_detail

template <typename... Values>
std::string format(std::string_view pattern, const Values &...values)
{
    std::ostringstream out;
    ((pattern = format_detail::copy_to_place(out, pattern), out << values), ...);
    format_detail::copy_rest(out, pattern);
    return out.str();
}
