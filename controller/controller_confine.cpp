// controller/controller_confine.cpp: the requests that an account may make before it is ENABLED:
// registration, its own state, discovery of server and controller, ping.
#include <algorithm>
#include <array>

#include "controller/commands/service.hpp"
#include "controller/controller.hpp"
#include "controller/gi/request.hpp"
#include "controller/incident.hpp"
#include "controller/state.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller {

namespace {

/// The Grid operations for accounts that are not ENABLED yet.
bool is_open_operation(const xml::Element& payload) {
    constexpr std::array<std::string_view, 4> open{"register", "login", "logout", "status"};
    const auto request = gi::parse_request(payload);
    return request && request->service == "AccountQuery" &&
           std::ranges::find(open, request->method) != open.end();
}

/// Register, status, login (refused there), logout, jabber:iq:register, disco#info, ping.
bool is_open_at_controller(const xml::Element& payload) {
    if (gi::is_grid(payload)) return is_open_operation(payload);
    return payload.ns() == xml::ns::in_band_registration || payload.ns() == xml::ns::disco_info ||
           payload.ns() == xml::ns::ping || commands::is_open_command(payload);
}

}   // namespace

/// Service discovery (where the controller is), ping, an empty roster, one's own account; and the
/// legacy session request, which stock clients send without being asked and which does nothing.
bool Controller::is_open_at_server(const xml::Element& payload) const {
    return state_->settings.open_services.contains(std::string(payload.ns().uri())) ||
           is_registrar(Destination::Server, payload) || commands::is_open_command(payload);
}

std::optional<xml::StanzaError> Controller::confine(
    const pubsub::Principal& actor, Destination destination, const xml::Element& stanza
) const {
    const auto failure = state_->entitled(actor);
    if (!failure) return std::nullopt;
    const bool for_controller = destination == Destination::Controller;
    if (stanza.name() == "iq") {
        const std::string_view type = stanza.attr_or("type", "");
        // Answers to the server's own questions. Never to another client: that would be a channel.
        const bool is_answer = type == "result" || type == "error";
        if (is_answer && destination != Destination::Client && destination != Destination::Other)
            return std::nullopt;
        const xml::Element* payload = stanza.first_child();
        const bool at_server =
            destination == Destination::Server || destination == Destination::OwnAccount;
        if (payload != nullptr && failure->code != Errc::Disabled &&
            ((for_controller && is_open_at_controller(*payload)) ||
             (at_server && is_open_at_server(*payload))))
            return std::nullopt;
    }
    if (for_controller) return to_stanza_error(*failure);
    return to_plain_error(*failure);
}

bool Controller::needs_login(Destination destination, const xml::Element& stanza) const {
    if (state_->settings.implicit_login) return false;
    if (destination == Destination::Broker) return true;
    const xml::Element* payload = stanza.first_child();
    // A report to the grid is a publish (XEP-0268).
    if (destination == Destination::Server)
        return payload != nullptr &&
               (payload->ns() == incident_ns ||
                (is_about_commands(*payload) && !is_open_at_server(*payload)));
    // Of Grid operations each says so for itself.
    return destination == Destination::Controller && payload != nullptr && !gi::is_grid(*payload) &&
           !is_open_at_controller(*payload);
}

xml::StanzaError Controller::not_logged_in(Destination destination) {
    const Failure failure{Errc::NotLoggedIn, "log in first", {}};
    return destination == Destination::Controller ? to_stanza_error(failure)
                                                  : to_plain_error(failure);
}

}   // namespace grid::controller
