#include "calc.hpp"

#include <cctype>
#include <functional>
#include <map>

namespace {

using Step = std::function<Rational(const Rational &, const Rational &)>;

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    Rational all()
    {
        const Rational value = level(0);
        if (peek() != '\0')
            throw CalcError("operator expected", at_);
        return value;
    }

private:
    // Operators of one level bind alike, and tighter than those of the level before.
    static const std::map<char, Step> &operators(int depth)
    {
        static const std::map<char, Step> levels[] = {
            {{'+', std::plus<Rational>()}, {'-', std::minus<Rational>()}},
            {{'*', std::multiplies<Rational>()}, {':', std::divides<Rational>()}},
        };
        return levels[depth];
    }

    char peek()
    {
        while (at_ < text_.size() && text_[at_] == ' ')
            ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    Rational level(int depth)
    {
        if (depth == 2)
            return atom();
        Rational value = level(depth + 1);
        for (auto step = operators(depth).find(peek()); step != operators(depth).end();
             step = operators(depth).find(peek())) {
            const std::size_t column = at_++;
            try {
                value = step->second(value, level(depth + 1));
            } catch (const std::domain_error &) {
                throw CalcError("division by zero", column);
            }
        }
        return value;
    }

    Rational atom()
    {
        if (peek() == '(') {
            ++at_;
            const Rational value = level(0);
            if (peek() != ')')
                throw CalcError(") expected", at_);
            ++at_;
            return value;
        }
        std::size_t end = at_;
        while (end < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[end])) || text_[end] == '/'))
            ++end;
        if (end == at_)
            throw CalcError("number expected", at_);
        const std::string digits(text_.substr(at_, end - at_));
        try {
            const Rational value = Rational::parse(digits);
            at_ = end;
            return value;
        } catch (const std::logic_error &) {
            throw CalcError("no number", at_);
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

Rational calculate(std::string_view text)
{
    return Reader(text).all();
}
