// pubsub/ports/personal.cpp: see pubsub/ports/personal.hpp.
#include "pubsub/ports/personal.hpp"

#include "pubsub/settings.hpp"

namespace grid::pubsub {

std::string personal_prefix(std::string_view owner) {
    std::string prefix(1, personal_mark);
    prefix.append(owner).push_back(personal_mark);
    return prefix;
}

std::string personal_name(std::string_view owner, std::string_view node) {
    return personal_prefix(owner).append(node);
}

std::string_view owner_in(std::string_view name) {
    if (!is_personal(name)) return {};
    return name.substr(1, name.find(personal_mark, 1) - 1);
}

std::string_view shown_name(std::string_view name) {
    if (!is_personal(name)) return name;
    return name.substr(name.find(personal_mark, 1) + 1);
}

std::string address_of(const Settings& settings, std::string_view name) {
    return is_personal(name) ? std::string(owner_in(name)) : settings.service.str();
}

std::string name_on_record(std::string_view name) {
    if (!is_personal(name)) return std::string(name);
    return "xmpp:" + std::string(owner_in(name)) + "?;node=" + std::string(shown_name(name));
}

}   // namespace grid::pubsub
