// tests/bench/load/client_nats.cpp: the client that speaks NATS instead of XMPP.
#include "load/client.hpp"
#include "load/nats.hpp"

namespace grid::bench {

// Returns how much of `input` it used up.
std::size_t Client::take_operations(std::string_view input) {
    std::size_t used = 0;
    while (step_ != Step::Closed) {
        const nats::Operation operation = nats::next_operation(input.substr(used));
        if (!operation.is_complete) break;
        used += operation.consumed;
        take(operation);
    }
    return used;
}

void Client::take(const nats::Operation& operation) {
    switch (operation.kind) {
        case nats::Kind::Message:
            // To those who listen an answer is as that of an XMPP server.
            if (operation.subject.starts_with(nats::own_inbox))
                events_.on_stanza(*this, nats::as_iq(operation));
            else
                events_.on_stanza(*this, operation.text);
            break;
        case nats::Kind::Info:
            if (step_ == Step::Mechanisms) introduce();   // later ones tell of changes
            break;
        case nats::Kind::Ping:
            send(nats::pong);
            break;
        case nats::Kind::Pong:
            step_ == Step::Bound ? ready() : events_.on_stanza(*this, nats::pong);
            break;
        case nats::Kind::Error:
            fail(std::string(operation.text));
    }
}

// The server answers the ping when it has done all that was asked for before.
void Client::introduce() {
    send(nats::connect(jid_));
    if (!role_.empty())
        send(nats::subscribe(role_ == nats::own_inbox ? nats::inbox(index_) : role_));
    send(nats::ping);
    step_ = Step::Bound;
}

}   // namespace grid::bench
