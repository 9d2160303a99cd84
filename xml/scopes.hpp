// xml/scopes.hpp: which prefix means what at one place of a tree, found in a time that does not
// grow with the number of declarations.
#pragma once

#include <cstddef>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace grid::xml {

/// Declarations in force, the innermost last. The default namespace is the one of the empty prefix.
template <class Text, class Value>
class Scopes {
public:
    std::size_t size() const { return bound_.size(); }
    bool empty() const { return bound_.empty(); }
    /// Null when nothing in here declares it.
    const Value* find(std::string_view prefix) const {
        if (bound_.empty()) return nullptr;
        const auto found = innermost_.find(prefix);
        return found == innermost_.end() ? nullptr : &bound_[found->second].value;
    }
    void bind(Text prefix, Value value) {
        auto [place, is_new] = innermost_.try_emplace(std::move(prefix), none);
        bound_.push_back({place, std::move(value), place->second});
        place->second = bound_.size() - 1;
    }
    /// Back to the declarations that were in force when there were `size` of them.
    void rewind(std::size_t size) {
        while (bound_.size() > size) {
            const auto [place, value, outer] = std::move(bound_.back());
            bound_.pop_back();
            if (outer == none)
                innermost_.erase(place);
            else
                place->second = outer;
        }
    }
    void clear() { rewind(0); }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    using Innermost = std::map<Text, std::size_t, std::less<>>;
    struct Bound {
        typename Innermost::iterator place;
        Value value;
        std::size_t outer;   // the binding that this one hides
    };
    std::vector<Bound> bound_;
    Innermost innermost_;
};

}   // namespace grid::xml
