// server/services/external.cpp: see server/services/external.hpp.
#include "server/services/external.hpp"

#include <openssl/hmac.h>

#include <array>
#include <vector>

#include "server/clock.hpp"
#include "xml/base64.hpp"
#include "xml/datetime.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server::services {

namespace {

/// TURN servers with the shared secret accept the time of expiry as a name, and its HMAC.
struct Credentials {
    std::string username, password, expires;
};

Credentials make_credentials(const External& configured) {
    const storage::Millis until = now() + storage::Millis{configured.turn_seconds} * 1000;
    Credentials made;
    made.username = std::to_string(until / 1000);
    made.expires = xml::to_datetime(until);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    HMAC(
        EVP_sha1(), configured.turn_secret.data(), static_cast<int>(configured.turn_secret.size()),
        reinterpret_cast<const unsigned char*>(made.username.data()), made.username.size(),
        digest.data(), &length
    );
    made.password = xml::to_base64({reinterpret_cast<const char*>(digest.data()), length});
    return made;
}

xml::Element to_element(const ExternalService& service, const External& configured) {
    xml::Element out("service", {{"type", service.type}, {"host", service.host}});
    if (!service.port.empty()) out.set("port", service.port);
    if (!service.transport.empty()) out.set("transport", service.transport);
    if (!service.name.empty()) out.set("name", service.name);
    if (!service.is_restricted()) return out;
    out.set("restricted", "true");
    if (configured.turn_secret.empty()) return out;
    const Credentials made = make_credentials(configured);
    out.set("username", made.username).set("password", made.password).set("expires", made.expires);
    return out;
}

}   // namespace

IqHandler external_services(const External& configured) {
    std::vector<ExternalService> all;
    for (const std::string& text : configured.services)
        if (auto service = parse_external(text)) all.push_back(std::move(*service));
    return [configured, all = std::move(all)](const pubsub::IqRequest& request) -> IqAnswer {
        const xml::Element& asked = *request.payload;
        xml::Element answer(asked.name(), external_ns);
        if (asked.is("services", external_ns)) {
            const std::string* type = asked.attr("type");
            if (type) answer.set("type", *type);
            for (const ExternalService& service : all)
                if (!type || *type == service.type) answer.add(to_element(service, configured));
            return pubsub::Reply(std::move(answer));
        }
        const xml::Element* wanted = asked.child("service");
        if (!asked.is("credentials", external_ns) || wanted == nullptr)
            return xml::bad_request("expected <services/>, or <credentials/> around a <service/>");
        for (const ExternalService& service : all)
            if (service.type == wanted->attr_or("type", "") &&
                service.host == wanted->attr_or("host", "") &&
                (!wanted->attr("port") || *wanted->attr("port") == service.port))
                answer.add(to_element(service, configured));
        if (answer.child_count() == 0)
            return xml::item_not_found("this grid knows no such service");
        return pubsub::Reply(std::move(answer));
    };
}

}   // namespace grid::server::services
