// pubsub/decide/redirect.cpp: see redirect.hpp.
#include "pubsub/decide/redirect.hpp"

#include <string>

namespace grid::pubsub {

namespace {

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_code = text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 &&
                             digit_of(text[i + 2]) >= 0;
        if (!is_code) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
        i += 2;
    }
    return out;
}

}   // namespace

const Node* redirected_to(const BrokerState& broker, std::string_view uri) {
    constexpr std::string_view key = "node=";
    for (std::size_t at = uri.find(key); at != std::string_view::npos; at = uri.find(key, at + 1)) {
        if (at == 0 || std::string_view("?;&").find(uri[at - 1]) == std::string_view::npos)
            continue;
        const std::string_view value = uri.substr(at + key.size());
        // A name may hold what separates parameters, spelt out or not.
        for (const std::string_view name : {value, value.substr(0, value.find_first_of(";&"))})
            for (const std::string& spelling : {std::string(name), percent_decoded(name)})
                if (const Node* node = broker.memory.find(spelling)) return node;
    }
    return nullptr;
}

}   // namespace grid::pubsub
