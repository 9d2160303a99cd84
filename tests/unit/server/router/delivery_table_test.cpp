// tests/unit/server/router/delivery_table_test.cpp: every cell of RFC 6121 §8.5.
#include "server/router/delivery_table.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

namespace delivery_table_test {

using grid::server::Addressee;
using grid::server::Delivery;
using grid::server::delivery_kind;
using grid::server::delivery_of;
using grid::server::DeliveryKind;
using grid::server::is_refusal_told;
using grid::xml::Element;

namespace {

/// As in table 1 of §8.5.4: R the resource, W all that take messages, A all available ones, O
/// offline storage, S the server itself, E an error, - nothing.
char letter(Delivery delivery) {
    const std::map<Delivery, char> letters{
        {Delivery::Resource, 'R'}, {Delivery::Willing, 'W'}, {Delivery::Available, 'A'},
        {Delivery::Store, 'O'},    {Delivery::Account, 'S'}, {Delivery::Refuse, 'E'},
        {Delivery::Ignore, '-'},
    };
    return letters.at(delivery);
}

struct Column {
    const char* name;
    const char* type;
    DeliveryKind kind;
};
const std::vector<Column> columns{
    {"message", "normal", DeliveryKind::Normal},
    {"message", "chat", DeliveryKind::Chat},
    {"message", "groupchat", DeliveryKind::Groupchat},
    {"message", "headline", DeliveryKind::Headline},
    {"message", "error", DeliveryKind::ErrorMessage},
    {"presence", "", DeliveryKind::Presence},
    {"presence", "unavailable", DeliveryKind::Presence},
    {"presence", "subscribe", DeliveryKind::Subscribe},
    {"presence", "subscribed", DeliveryKind::Subscription},
    {"presence", "unsubscribe", DeliveryKind::Subscription},
    {"presence", "unsubscribed", DeliveryKind::Subscription},
    {"presence", "probe", DeliveryKind::Probe},
    {"iq", "get", DeliveryKind::Request},
    {"iq", "set", DeliveryKind::Request},
    {"iq", "result", DeliveryKind::Answer},
    {"iq", "error", DeliveryKind::Answer},
};

struct Row {
    const char* what;
    Addressee to;
    const char* cells;   // one for each column
};
/// Reachable, bare, matches, willing, available.
const std::vector<Row> rows{
    {"no such account, bare", {false, true, false, 0, 0}, "EEE-- ------- EESS"},
    {"no such account, full", {false, false, false, 0, 0}, "EEE-- ------- EE--"},
    {"kept away by the policy, online", {false, true, false, 2, 3}, "EEE-- ------- EESS"},
    {"kept away by the policy, its resource", {false, false, true, 1, 1}, "EEE-- ------- EE--"},
    {"no resources, bare", {true, true, false, 0, 0}, "OOE-- --SSSSS SSSS"},
    {"no resources, full", {true, false, false, 0, 0}, "EOE-- --S---S EE--"},
    {"negative ones, bare", {true, true, false, 0, 2}, "OOE-- AASSSSS SSSS"},
    {"negative ones, that one", {true, false, true, 0, 2}, "RRRRR RRSSSSS RRRR"},
    {"negative ones, another", {true, false, false, 0, 2}, "EOE-- --S---S EE--"},
    {"one, bare", {true, true, false, 1, 1}, "WWEW- AASSSSS SSSS"},
    {"one, that one", {true, false, true, 1, 1}, "RRRRR RRSSSSS RRRR"},
    {"one, another", {true, false, false, 1, 1}, "EWE-- --S---S EE--"},
    {"several, bare", {true, true, false, 2, 3}, "WWEW- AASSSSS SSSS"},
    {"several, one of them", {true, false, true, 2, 3}, "RRRRR RRSSSSS RRRR"},
    {"several, another", {true, false, false, 2, 3}, "EWE-- --S---S EE--"},
    {"connected without presence, that one", {true, false, true, 0, 0}, "RRRRR RRSSSSS RRRR"},
};

}   // namespace

TEST_CASE("RFC 6121 §8.5: each kind of stanza to each kind of address", "[router]") {
    for (const Row& row : rows) {
        std::string cells;
        for (const char* at = row.cells; *at != '\0'; ++at)
            if (*at != ' ') cells += *at;
        REQUIRE(cells.size() == columns.size());
        for (std::size_t i = 0; i < columns.size(); ++i) {
            INFO(row.what << ": " << columns[i].name << " " << columns[i].type);
            CHECK(letter(delivery_of(columns[i].kind, row.to)) == cells[i]);
        }
    }
}

TEST_CASE("RFC 6121 §8.5: stanzas are told apart by name and type", "[router]") {
    for (const Column& column : columns) {
        Element stanza(column.name, grid::xml::Ns("jabber:client"));
        if (*column.type != '\0') stanza.set("type", column.type);
        INFO(column.name << " " << column.type);
        CHECK(delivery_kind(stanza) == column.kind);
    }
    const grid::xml::Ns client("jabber:client");
    CHECK(delivery_kind(Element("message", client)) == DeliveryKind::Normal);
    CHECK(delivery_kind(Element("message", client, {{"type", "no such"}})) == DeliveryKind::Normal);
}

TEST_CASE("RFC 6120 §8.3.1: no error answers an error, and none a headline", "[router]") {
    for (const Column& column : columns) {
        const bool is_told =
            std::string(column.type) == "normal" || std::string(column.type) == "chat" ||
            std::string(column.type) == "groupchat" || column.kind == DeliveryKind::Request;
        INFO(column.name << " " << column.type);
        CHECK(is_refusal_told(column.kind) == is_told);
    }
}

}   // namespace delivery_table_test
