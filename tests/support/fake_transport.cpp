// tests/support/fake_transport.cpp: see fake_transport.hpp.
#include "fake_transport.hpp"

#include <catch2/catch.hpp>

#include "xml/element.hpp"
#include "xml/parser.hpp"

namespace grid::test {

namespace {

/// Name and `to` of a stanza as it stands within a stream.
std::pair<std::string, std::string> kind_and_address(const std::string& stanza) {
    const auto document =
        xml::parse_document("<stream xmlns='jabber:client'>" + stanza + "</stream>", xml::Limits{});
    const auto* stream = std::get_if<xml::Element>(&document);
    INFO(stanza);
    REQUIRE(stream != nullptr);
    const xml::Element* element = stream->first_child();
    REQUIRE(element != nullptr);
    return {std::string(element->name()), std::string(element->attr_or("to", ""))};
}

}   // namespace

void FakeTransport::send(std::vector<server::Outgoing> stanzas, std::size_t bytes) {
    for (const server::Outgoing& stanza : stanzas) {
        std::string text;
        if (stanza.to != server::Address::None)
            text = "<message to='" +
                   (stanza.to == server::Address::Bare ? jid_.bare() : jid_).str() + "'";
        text += *stanza.text;
        Traffic& sum = traffic_[kind_and_address(text)];
        ++sum.stanzas;
        sum.bytes += stanza.bytes();
        stanzas_.push_back(std::move(text));
    }
    held_bytes_ += bytes;
    if (is_fast) read_all();
}

void FakeTransport::mark(std::uint64_t number, std::function<void(std::uint64_t)> done) {
    done(is_far ? 0 : number);
}

void FakeTransport::close(std::optional<xml::StreamError> error) {
    closed_ = error ? error->condition : "closed";
}

void FakeTransport::read_all() { budget_->give(std::exchange(held_bytes_, 0)); }

Traffic FakeTransport::traffic() const {
    Traffic all;
    for (const auto& [key, sum] : traffic_) {
        all.stanzas += sum.stanzas;
        all.bytes += sum.bytes;
    }
    return all;
}

Traffic FakeTransport::traffic(std::string_view kind) const {
    Traffic all;
    for (const auto& [key, sum] : traffic_) {
        if (key.first != kind) continue;
        all.stanzas += sum.stanzas;
        all.bytes += sum.bytes;
    }
    return all;
}

Traffic FakeTransport::traffic(std::string_view kind, std::string_view address) const {
    const auto found = traffic_.find({std::string(kind), std::string(address)});
    return found == traffic_.end() ? Traffic{} : found->second;
}

}   // namespace grid::test
