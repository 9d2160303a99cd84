// controller/schemas/cost.cpp: counts what the components of a schema come to.
#include "controller/schemas/cost.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace grid::controller::schemas {

namespace {

class Counter {
public:
    explicit Counter(std::span<const Document> documents) {
        for (const Document& document : documents)
            for (const auto& [use, component] : document.components)
                known_[use].push_back({&document, &component});
    }

    std::optional<Problem> count() {
        std::size_t total = 0;
        double arrangements = 0;
        for (const auto& [use, parts] : known_) {
            const Size size = size_of(use, 0);
            total += size.all;
            arrangements += std::pow(static_cast<double>(size.loose), 4);
            if (!problem_ && total > components_max)
                fail(
                    parts.front(), "this schema is too large, written out: more than " +
                                       std::to_string(components_max) + " components"
                );
            if (!problem_ && arrangements > arrangements_max)
                fail(
                    parts.front(),
                    "too many parts of content are optional or repeated to compile it in "
                    "reasonable time: divide it into types of their own"
                );
            if (problem_) break;
        }
        return problem_;
    }

private:
    struct Part {
        const Document* document;
        const Component* component;
    };

    void fail(const Part& part, std::string text) {
        problem_ = Problem{part.document->location, part.component->line, std::move(text)};
    }

    struct Size {
        std::size_t all = 1, loose = 0, depth = 0;
    };

    Size size_of(const Use& use, std::size_t depth) {
        const auto found = known_.find(use);
        if (problem_ || found == known_.end()) return {};   // of the schema language itself
        if (const auto counted = sizes_.find(use); counted != sizes_.end()) return counted->second;
        // A component that contains itself is refused by libxml2, or not repeated.
        sizes_[use] = {};
        Size size{0, 0, 0};
        for (const Part& part : found->second) {
            size.all += part.component->own;
            size.loose += part.component->loose;
            for (const Use& used : part.component->uses) {
                if (depth > uses_depth_max) break;
                const Size more = size_of(used, depth + 1);
                size.all = std::min(size.all + more.all, components_max + 1);
                size.loose = std::min(size.loose + more.loose, components_max + 1);
                size.depth = std::max(size.depth, more.depth + 1);
            }
        }
        if (size.depth > uses_depth_max || depth > uses_depth_max)
            fail(
                found->second.front(), "definitions rest on each other more than " +
                                           std::to_string(uses_depth_max) + " deep"
            );
        return sizes_[use] = size;
    }

    std::map<Use, std::vector<Part>> known_;
    std::map<Use, Size> sizes_;
    std::optional<Problem> problem_;
};

}   // namespace

std::optional<Problem> refuse_cost(std::span<const Document> documents) {
    return Counter(documents).count();
}

}   // namespace grid::controller::schemas
