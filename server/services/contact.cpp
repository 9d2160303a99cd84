// server/services/contact.cpp: contact addresses in the domain's service discovery (XEP-0157,
// XEP-0128).
#include "server/services/contact.hpp"

namespace grid::server::services {

std::vector<xml::Form> contact_forms(const Contact& contact) {
    if (contact.empty()) return {};
    xml::Form form;
    form.type = "result";
    form.set_form_type("http://jabber.org/network/serverinfo");
    const auto add = [&form](const char* var, const std::vector<std::string>& addresses) {
        if (!addresses.empty()) form.fields.push_back({var, "list-multi", {}, addresses, {}});
    };
    add("abuse-addresses", contact.abuse);
    add("admin-addresses", contact.admin);
    add("feedback-addresses", contact.feedback);
    add("sales-addresses", contact.sales);
    add("security-addresses", contact.security);
    add("status-addresses", contact.status);
    add("support-addresses", contact.support);
    return {std::move(form)};
}

}   // namespace grid::server::services
