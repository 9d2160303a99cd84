// xml/rsm.cpp: result set management to and from elements.
#include "xml/rsm.hpp"

#include <charconv>
#include <limits>

#include "xml/namespaces.hpp"

namespace grid::xml {

static std::optional<std::uint32_t> parse_number(const std::string& text) {
    constexpr auto largest = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, value);
    if (stop != end || text.empty()) return std::nullopt;
    // Larger than any list: as good as the largest number.
    return error == std::errc::result_out_of_range ? largest : value;
}

Result<std::optional<RsmRequest>, StanzaError> RsmRequest::parse(const Element& parent) {
    using Found = std::optional<RsmRequest>;
    const Element* set = parent.child("set", ns::rsm);
    if (!set) return Found{};
    RsmRequest request;
    for (auto [name, target] : {std::pair{"max", &request.max}, {"index", &request.index}}) {
        const Element* number = set->child(name);
        if (!number) continue;
        *target = parse_number(number->text());
        if (!*target)
            return bad_request(std::string("<") + name + "/> of a result set must be a number");
    }
    // An empty <after/> is sent by clients that have no last item yet: the first page.
    if (const Element* after = set->child("after"))
        if (std::string id = after->text(); !id.empty()) request.after = std::move(id);
    if (const Element* before = set->child("before")) request.before = before->text();
    return Found{std::move(request)};
}

Element RsmReply::to_element() const {
    Element set("set", ns::rsm);
    if (!first.empty()) {
        Element head = Element::with_text("first", first);
        if (first_index) head.set("index", std::to_string(*first_index));
        set.add(std::move(head));
        set.add(Element::with_text("last", last));
    }
    if (count) set.add(Element::with_text("count", std::to_string(*count)));
    return set;
}

}   // namespace grid::xml
