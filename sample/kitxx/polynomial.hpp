// Polynomials over any ring; the constant term comes first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

template <typename Number>
class Polynomial {
public:
    Polynomial(std::vector<Number> terms) : terms_(std::move(terms)) { trim(); }

    // The zero polynomial has degree -1.
    int degree() const { return static_cast<int>(terms_.size()) - 1; }
    Number term(std::size_t power) const { return power < terms_.size() ? terms_[power] : Number(0); }

    Number operator()(const Number &x) const
    {
        Number value(0);
        for (auto term = terms_.rbegin(); term != terms_.rend(); ++term)
            value = value * x + *term;
        return value;
    }

    Polynomial derivative() const
    {
        std::vector<Number> terms;
        for (std::size_t power = 1; power < terms_.size(); ++power)
            terms.push_back(terms_[power] * Number(static_cast<long>(power)));
        return terms;
    }

    friend Polynomial operator+(const Polynomial &left, const Polynomial &right)
    {
        std::vector<Number> terms(std::max(left.terms_.size(), right.terms_.size()), Number(0));
        for (std::size_t power = 0; power < terms.size(); ++power)
            terms[power] = left.term(power) + right.term(power);
        return terms;
    }

    friend Polynomial operator*(const Polynomial &left, const Polynomial &right)
    {
        std::vector<Number> terms(left.terms_.size() + right.terms_.size(), Number(0));
        for (std::size_t i = 0; i < left.terms_.size(); ++i)
            for (std::size_t j = 0; j < right.terms_.size(); ++j)
                terms[i + j] = terms[i + j] + left.terms_[i] * right.terms_[j];
        return terms;
    }

private:
    void trim()
    {
        while (!terms_.empty() && terms_.back() == Number(0))
            terms_.pop_back();
    }

    std::vector<Number> terms_;
};
