// tests/bench/load/filters.cpp: see filters.hpp.
#include "load/filters.hpp"

#include <algorithm>
#include <stdexcept>

#include "load/workload.hpp"

namespace grid::bench {

namespace {

constexpr std::size_t held_max = 20;   // gridd's subscriptions_per_jid_max

std::string declaration(const Options& options, const std::string& node) {
    const auto attribute = [](const std::string& name, const std::string& type) {
        return "<attribute name='" + name + "' type='" + type + "' path='/alert/event/@" + name +
               "'/>";
    };
    return "<iq type='set' id='ask' to='controller." + options.domain +
           "'><grid xmlns='xgrid' type='request'><initPublishRequest><capability><name>" + node +
           "</name></capability><filterSupport>" + attribute("location", "string") +
           attribute("host", "string") + attribute("severity", "number") +
           attribute("source", "address") + attribute("domain", "string") +
           attribute("user", "string") + "</filterSupport><subtopicLimit>" +
           std::to_string(options.filters) +
           "</subtopicLimit><serverSideFilter>true</serverSideFilter></initPublishRequest></grid>"
           "</iq>";
}

// By stock means (XEP-0060 §12.20): the filter is an option of the subscription.
std::string subscription(
    const Options& options, const std::string& node, const std::string& jid, std::string filter
) {
    for (auto at = filter.find('>'); at != std::string::npos; at = filter.find('>', at))
        filter.replace(at, 1, "&gt;");
    return pubsub(
        options, true,
        "<subscribe node='" + node + "' jid='" + jid +
            "'/><options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            "http://jabber.org/protocol/pubsub#subscribe_options</value></field>"
            "<field var='x-grid#filter'><value>" +
            filter + "</value></field></x></options>"
    );
}

}   // namespace

std::string matching_filter(std::size_t number) {
    const std::string n = std::to_string(number);
    switch (number % 6) {
        case 0:
            return "location = 'SJC' and severity > " + n;
        case 1:
            return "host prefix 'edge-' and severity >= " + n;
        case 2:
            return "domain in ('corp','lab-" + n + "')";
        case 3:
            return "severity >= " + n;
        case 4:
            return "source cidr '10.20.0.0/16' and severity > " + n;
        default:
            return "user = 'u-" + n + "' or location = 'SJC'";
    }
}

std::string other_filter(std::size_t number) {
    const std::string n = std::to_string(number);
    switch (number % 6) {
        case 0:
            return "location = 'LON-" + n + "' and severity > 10";
        case 1:
            return "host prefix 'core-" + n + "' and not domain = 'lab'";
        case 2:
            return "domain in ('lab-" + n + "','test-" + n + "')";
        case 3:
            return "severity >= " + std::to_string(10'000 + number);
        case 4:
            return "source cidr '172." + std::to_string(16 + number / 256) + "." +
                   std::to_string(number % 256) + ".0/24'";
        default:
            return "user = 'u-" + n + "' or location = 'LON-" + n + "'";
    }
}

void put_filters(
    const Options& options,
    const std::string& node,
    Crowd& owner,
    Crowd& subscribers,
    Crowd& holders
) {
    if (options.filters < subscribers.size())
        throw std::invalid_argument("--filters: at least one for each subscriber");
    owner.ask_one_by_one(1, [&](const Client&) { return declaration(options, node); });
    std::size_t matching = 0;
    subscribers.ask([&](const Client& client) {
        return subscription(options, node, client.jid(), matching_filter(matching++));
    });
    const std::size_t left = options.filters - matching;
    holders.connect((left + held_max - 1) / held_max);
    std::size_t held = 0;
    for (std::size_t round = 0; round < held_max && held < left; ++round)
        holders.ask_one_by_one(std::min(holders.size(), left - held), [&](const Client& client) {
            return subscription(options, node, client.jid(), other_filter(held++));
        });
    holders.on_other_stanza = [](std::size_t, Client& client, std::string_view stanza) {
        if (stanza.find('~') == std::string_view::npos) return;   // no item
        throw std::runtime_error(
            client.jid() + " was told what its filters do not let through: " + std::string(stanza)
        );
    };
}

}   // namespace grid::bench
