// tests/unit/client/client_stage.cpp: see tests/unit/client/client_stage.hpp.
#include "client_stage.hpp"

namespace client_stage {

namespace {

Login login_with(std::string password) {
    Login login;
    login.domain = domain;
    login.account = "ann@grid.example";
    login.password = std::move(password);
    login.is_direct_tls = true;
    return login;
}

}   // namespace

Stage::Stage(Job& job, std::string password)
    : session_(login_with(std::move(password)), job, [] {
          return std::string("rOprNGfwEbeRWgbNEkqO");
      }) {}

void Stage::open_stream(std::string_view features) {
    hears(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams' from='grid.example' id='1' version='1.0'>"
        "<stream:features>" +
        std::string(features) + "</stream:features>"
    );
}

void Stage::authenticate() {
    session_.connected();
    session_.secured("");
    open_stream(
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>"
        "</mechanisms>"
    );
    hears("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    said();
    open_stream(
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>"
        "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes></limits>"
    );
}

void Stage::log_in(std::string_view token) {
    authenticate();
    const auto ids = values_of(said(), "id");
    hears(
        "<iq type='result' id='" + ids.back() +
        "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + address + "</jid></bind></iq>"
    );
    if (!token.empty())
        hears("<enabled xmlns='urn:xmpp:sm:3' resume='true' id='" + std::string(token) + "'/>");
}

void Stage::log_in_anew() {
    authenticate();
    said();
    hears("<failed xmlns='urn:xmpp:sm:3'/>");
    const std::string id = values_of(said(), "id").back();
    hears(
        "<iq type='result' id='" + id + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" +
        address + "</jid></bind></iq>"
    );
}

void Stage::resume(unsigned handled) {
    authenticate();
    hears("<resumed xmlns='urn:xmpp:sm:3' previd='token' h='" + std::to_string(handled) + "'/>");
}

std::vector<std::string> values_of(std::string_view text, std::string_view name) {
    const std::string mark = " " + std::string(name) + "='";
    std::vector<std::string> found;
    for (std::size_t at = text.find(mark); at != std::string_view::npos;
         at = text.find(mark, at + 1)) {
        const std::size_t begin = at + mark.size();
        found.emplace_back(text.substr(begin, text.find('\'', begin) - begin));
    }
    return found;
}

std::string result_of(std::string_view id, std::string_view inner) {
    return "<iq type='result' id='" + std::string(id) + "' from='" + broker + "'>" +
           std::string(inner) + "</iq>";
}

std::string refusal_of(std::string_view id, std::string_view type, std::string_view condition) {
    return "<iq type='error' id='" + std::string(id) + "'><error type='" + std::string(type) +
           "'><" + std::string(condition) +
           " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
}

}   // namespace client_stage
