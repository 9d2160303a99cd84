// tests/unit/controller/contacts/transitions_test.cpp: every transition of RFC 6121 appendix A.
#include "controller/contacts/transitions.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>

namespace transitions_test {

using namespace grid::controller::contacts;

namespace {

/// The nine states of appendix A, in the order of its tables.
constexpr std::size_t state_count = 9;
const std::array<std::string, state_count> state_names{
    "None",
    "None + Pending Out",
    "None + Pending In",
    "None + Pending Out+In",
    "To",
    "To + Pending In",
    "From",
    "From + Pending Out",
    "Both",
};

Standing state(const std::string& name) {
    Standing standing;
    const bool is_both = name.starts_with("Both");
    standing.to = is_both || name.starts_with("To");
    standing.from = is_both || name.starts_with("From");
    standing.asks = name.find("Out") != std::string::npos;
    standing.is_asked = name.ends_with("In");
    return standing;
}

/// A row of a table: whether the stanza is routed or delivered, and the new state; empty: as it
/// was. `reply` marks the footnotes about an answer in the account's name.
struct Row {
    bool passes = false;
    std::string after = {};
    bool is_answered = false;
};
using Table = std::array<Row, state_count>;

const Table subscribe_out{{
    // table 2
    {true, "None + Pending Out"},
    {true},
    {true, "None + Pending Out+In"},
    {true},
    {true},
    {true},
    {true, "From + Pending Out"},
    {true},
    {true},
}};
const Table unsubscribe_out{{
    // table 3
    {true},
    {true, "None"},
    {true},
    {true, "None + Pending In"},
    {true, "None"},
    {true, "None + Pending In"},
    {true},
    {true, "From"},
    {true, "From"},
}};
const Table subscribed_out{{
    // table 4, without the pre-approvals
    {false},
    {false},
    {true, "From"},
    {true, "From + Pending Out"},
    {false},
    {true, "Both"},
    {false},
    {false},
    {false},
}};
const Table unsubscribed_out{{
    // table 5
    {false},
    {false},
    {true, "None"},
    {true, "None + Pending Out"},
    {false},
    {true, "To"},
    {true, "None"},
    {true, "None + Pending Out"},
    {true, "To"},
}};
const Table subscribe_in{{
    // table 6
    {true, "None + Pending In"},
    {true, "None + Pending Out+In"},
    {false},
    {false},
    {true, "To + Pending In"},
    {false},
    {false, "", true},
    {false, "", true},
    {false, "", true},
}};
const Table unsubscribe_in{{
    // table 7
    {false},
    {false},
    {true, "None", true},
    {true, "None + Pending Out", true},
    {false},
    {true, "To", true},
    {true, "None", true},
    {true, "None + Pending Out", true},
    {true, "To", true},
}};
const Table subscribed_in{{
    // table 8
    {false},
    {true, "To"},
    {false},
    {true, "To + Pending In"},
    {false},
    {false},
    {false},
    {true, "Both"},
    {false},
}};
const Table unsubscribed_in{{
    // table 9
    {false},
    {true, "None"},
    {false},
    {true, "None + Pending In"},
    {true, "None"},
    {true, "None + Pending In"},
    {false},
    {true, "From"},
    {true, "From"},
}};

Standing after_of(const Row& row, const Standing& before) {
    return row.after.empty() ? before : state(row.after);
}

}   // namespace

TEST_CASE("contacts: stanzas that an account sends (RFC 6121, tables 2 to 5)") {
    const std::array<std::pair<Kind, const Table*>, 4> tables{{
        {Kind::Subscribe, &subscribe_out},
        {Kind::Unsubscribe, &unsubscribe_out},
        {Kind::Subscribed, &subscribed_out},
        {Kind::Unsubscribed, &unsubscribed_out},
    }};
    for (const auto& [kind, table] : tables)
        for (std::size_t i = 0; i < state_count; ++i) {
            CAPTURE(to_string(kind), state_names.at(i));
            const Standing before = state(state_names.at(i));
            const Row& row = table->at(i);
            const Sent sent = send(before, kind);
            CHECK(sent.is_routed == row.passes);
            Standing after = after_of(row, before);
            // §3.4.2: without a request, and without a subscription, an approval is for later.
            after.is_approved = kind == Kind::Subscribed && !row.passes && !before.from;
            CHECK(sent.after == after);
        }
}

TEST_CASE("contacts: stanzas that an account receives (RFC 6121, tables 6 to 9)") {
    const std::array<std::pair<Kind, const Table*>, 4> tables{{
        {Kind::Subscribe, &subscribe_in},
        {Kind::Unsubscribe, &unsubscribe_in},
        {Kind::Subscribed, &subscribed_in},
        {Kind::Unsubscribed, &unsubscribed_in},
    }};
    for (const auto& [kind, table] : tables)
        for (std::size_t i = 0; i < state_count; ++i) {
            CAPTURE(to_string(kind), state_names.at(i));
            const Standing before = state(state_names.at(i));
            const Row& row = table->at(i);
            const Received got = receive(before, kind);
            CHECK(got.is_delivered == row.passes);
            CHECK(got.after == after_of(row, before));
            const auto reply = kind == Kind::Subscribe ? Kind::Subscribed : Kind::Unsubscribed;
            CHECK(got.reply == (row.is_answered ? std::optional(reply) : std::nullopt));
        }
}

TEST_CASE("contacts: a request that was approved before it came (RFC 6121 §3.4)") {
    for (const std::string& name : {"None", "None + Pending Out", "To"}) {
        CAPTURE(name);
        Standing before = send(state(name), Kind::Subscribed).after;
        REQUIRE(before.is_approved);
        const Received got = receive(before, Kind::Subscribe);
        CHECK_FALSE(got.is_delivered);
        CHECK(got.reply == Kind::Subscribed);
        before.from = true;
        CHECK(got.after == before);   // the approval stays until it is taken back
        CHECK_FALSE(send(got.after, Kind::Unsubscribed).after.is_approved);
    }
    // Taken back before any request: nothing is routed (§3.2.2).
    const Standing approved = send(state("None"), Kind::Subscribed).after;
    const Sent taken_back = send(approved, Kind::Unsubscribed);
    CHECK_FALSE(taken_back.is_routed);
    CHECK(taken_back.after == state("None"));
}

}   // namespace transitions_test
