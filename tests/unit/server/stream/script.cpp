// tests/unit/server/stream/script.cpp: plays scripts, whole and cut off at every step.
#include "script.hpp"

#include <catch2/catch.hpp>
#include <functional>

#include "server/session/management_words.hpp"
#include "xml/writer.hpp"

namespace grid::test {
namespace {

/// `'x'` and `"x"` are the same; what the response header says is tested apart.
std::string shorten(std::string bytes) {
    const auto from = bytes.find("<?xml");
    if (from == std::string::npos) return bytes;
    const auto to = bytes.find('>', bytes.find("<stream:stream")) + 1;
    return bytes.replace(from, to - from, "{header}");
}

bool is_as_expected(const std::string& done, const std::string& expected) {
    return expected.starts_with("close ") ? done.starts_with(expected) : done == expected;
}

/// One stream of ours, from its header to its end.
void check_is_well_formed(const std::string& bytes) {
    INFO(bytes);
    xml::StreamParser parser({});
    REQUIRE(parser.feed(bytes));
    bool is_closed = false;
    while (auto event = parser.next()) is_closed = std::holds_alternative<xml::StreamClose>(*event);
    CHECK(is_closed);
}

struct Ending {
    const char* name;
    std::function<stream::Actions(stream::Negotiation&)> end;
    const char* condition;   // null: no stream error
};

const std::vector<Ending> endings{
    {"timeout", [](auto& n) { return n.on_timeout(); }, "connection-timeout"},
    {"shutdown", [](auto& n) { return n.on_shutdown(); }, "system-shutdown"},
    {"flood", [](auto& n) { return n.on_too_many_bytes(); }, "policy-violation"},
    {"end", [](auto& n) { return n.on_event(xml::StreamClose{}, "id"); }, nullptr},
    {"garbage",
     [](auto& n) {
         return n.on_event(xml::StreamBroken{xml::ParseError::NotWellFormed, "garbage"}, "id");
     },
     "not-well-formed"},
    {"comment",
     [](auto& n) {
         return n.on_event(xml::StreamBroken{xml::ParseError::RestrictedXml, "a comment"}, "id");
     },
     "restricted-xml"},
};

void check_ending(Stage& stage, const Ending& ending, bool was_over, bool in_handshake) {
    const std::string before = stage.sent();
    const auto done = stage.render(ending.end(stage.negotiation()));
    if (was_over) {
        CHECK(done.empty());
        return;
    }
    REQUIRE_FALSE(done.empty());
    CHECK(done.back().starts_with("close "));
    if (!in_handshake && (ending.condition || !before.empty())) check_is_well_formed(stage.sent());
    if (!in_handshake && ending.condition)
        CHECK(stage.sent().find("<" + std::string(ending.condition)) != std::string::npos);
    // After the end there is nothing.
    CHECK(stage.negotiation().on_timeout().empty());
    CHECK(stage.negotiation().on_event(xml::Element("x"), "id").empty());
    CHECK(stage.negotiation().on_admitted({}).empty());
    CHECK(stage.negotiation().on_keys({}).empty());
    CHECK(stage.negotiation().on_bound(xml::Jid()).empty());
    CHECK(stage.negotiation().on_tls({}).empty());
    CHECK(stage.negotiation().on_injected().empty());
}

void check_cut_off(
    const Script& script, std::size_t length, const Ending& ending, bool direct_tls
) {
    Stage stage(direct_tls);
    bool was_over = false, in_handshake = direct_tls && length == 0;
    for (std::size_t i = 0; i < length; ++i)
        for (const auto& action : stage.play(script[i].input)) {
            was_over = was_over || action.starts_with("close ");
            in_handshake = action == "starttls";
        }
    // The parser's events come before the handshake; a deadline may come during it.
    const bool is_event =
        std::string_view("end garbage comment").find(ending.name) != std::string_view::npos;
    if (in_handshake && is_event) return;
    INFO("cut off by " << ending.name << " after " << length << " steps");
    check_ending(stage, ending, was_over || stage.negotiation().is_bound(), in_handshake);
}

}   // namespace

Stage::Stage(bool direct_tls, std::string caps_hash)
    : parser_(xml::Limits{}),
      negotiation_({
          .domain = "grid.example",
          .config = &config,
          .transport =
              direct_tls ? server::TransportKind::DirectTls : server::TransportKind::StartTls,
          .caps_hash = std::move(caps_hash),
          .stream_id = "spare",
      }) {}

std::vector<std::string> Stage::render(const stream::Actions& actions) {
    std::vector<std::string> out;
    bool is_writing = false;   // into the last of them
    for (const auto& action : actions) {
        std::string bytes;
        if (const auto* open = std::get_if<stream::OpenStream>(&action)) {
            framer_.open(bytes, open->id, open->to);
        } else if (const auto* send = std::get_if<stream::SendElement>(&action)) {
            framer_.element(bytes, send->element);
        } else if (std::holds_alternative<stream::CloseStream>(action)) {
            framer_.close(bytes);
        } else if (std::holds_alternative<stream::StartTls>(action)) {
            out.emplace_back("starttls");
        } else if (const auto* restart = std::get_if<stream::RestartParser>(&action)) {
            restart->keeps_rest ? parser_.restart_behind() : parser_.restart();
            sent_.clear();
            out.emplace_back("restart");
        } else if (const auto* admit = std::get_if<stream::Admit>(&action)) {
            out.push_back("admit " + admit->identity->account.str());
        } else if (const auto* token = std::get_if<stream::IssueToken>(&action)) {
            out.push_back("token " + token->wish.mechanism);
        } else if (const auto* wanted = std::get_if<stream::Register>(&action)) {
            out.push_back("register " + wanted->username);
        } else if (const auto* find = std::get_if<stream::FindKeys>(&action)) {
            out.push_back("find " + find->lookup.name);
        } else if (const auto* bind = std::get_if<stream::Bind>(&action)) {
            out.push_back(
                "bind " + bind->resource + (bind->wishes.takes_copies ? " with copies" : "") +
                (bind->wishes.management ? " managed" : "")
            );
        } else if (const auto* resume = std::get_if<stream::Resume>(&action)) {
            out.push_back(
                "resume " + resume->token + " " + std::to_string(resume->handled) +
                (resume->around ? " in " + xml::to_string(resume->around(
                                               xml::Jid::parse("ann@grid.example/r").value(),
                                               server::sm::resumed(resume->token, 5)
                                           ))
                                : "")
            );
        } else if (const auto* close = std::get_if<stream::Close>(&action)) {
            out.push_back("close " + close->reason);
        }
        if (bytes.empty()) {
            is_writing = false;
            continue;
        }
        sent_ += bytes;
        if (is_writing)
            out.back() += shorten(bytes);
        else
            out.push_back(shorten(bytes));
        is_writing = true;
    }
    return out;
}

std::vector<std::string> Stage::feed(const std::string& bytes) {
    std::vector<std::string> out;
    parser_.feed(bytes);
    while (auto event = parser_.next()) {
        const auto done =
            render(negotiation_.on_event(std::move(*event), "id" + std::to_string(++ids_)));
        out.insert(out.end(), done.begin(), done.end());
    }
    return out;
}

std::vector<std::string> Stage::play(const Input& input) {
    if (const auto* bytes = std::get_if<std::string>(&input)) return feed(*bytes);
    if (const auto* tls = std::get_if<Tls>(&input))
        return render(negotiation_.on_tls(tls->presented));
    if (const auto* found = std::get_if<Keys>(&input))
        return render(negotiation_.on_keys(found->keys));
    if (const auto* issued = std::get_if<Issued>(&input))
        return render(negotiation_.on_token(issued->token));
    if (const auto* registered = std::get_if<Registered>(&input))
        return render(negotiation_.on_registered(registered->error));
    if (std::holds_alternative<Admitted>(input)) return render(negotiation_.on_admitted({}));
    if (const auto* refused = std::get_if<Refused>(&input))
        return render(negotiation_.on_admitted(std::pair(refused->condition, refused->text)));
    if (const auto* bound = std::get_if<Bound>(&input))
        return render(negotiation_.on_bound(
            xml::Jid::parse(bound->jid).value(),
            bound->is_managed ? std::optional(server::sm::enabled("t", 60)) : std::nullopt
        ));
    if (std::holds_alternative<Resumed>(input)) return render(negotiation_.on_resumed());
    if (const auto* refused = std::get_if<NotResumed>(&input))
        return render(
            refused->error ? negotiation_.on_not_resumed(*refused->error)
                           : negotiation_.on_not_resumed(server::sm::failed("item-not-found", 3))
        );
    return render(negotiation_.on_bound(std::get<NotBound>(input).error));
}

void check(const Script& script, bool direct_tls) {
    Stage stage(direct_tls);
    for (std::size_t i = 0; i < script.size(); ++i) {
        const auto done = stage.play(script[i].input);
        INFO("step " << i);
        CAPTURE(done, script[i].actions);
        bool is_right = done.size() == script[i].actions.size();
        for (std::size_t k = 0; is_right && k < done.size(); ++k)
            is_right = is_as_expected(done[k], script[i].actions[k]);
        REQUIRE(is_right);
    }
    for (std::size_t length = 0; length <= script.size(); ++length)
        for (const auto& ending : endings) check_cut_off(script, length, ending, direct_tls);
}

std::string client_header(const std::string& more) {
    return "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
           "xmlns:stream='http://etherx.jabber.org/streams' " +
           more + ">";
}

server::tls::Presented certificate_of(const std::vector<std::string>& jids) {
    server::tls::Presented presented;
    presented.present = presented.acceptable = true;
    presented.anchor = "anchor";
    presented.subject = "CN=test";
    for (const auto& jid : jids) presented.identities.push_back(xml::Jid::parse(jid).value());
    if (jids.empty()) presented.reason = "the certificate has no xmppAddr";
    return presented;
}

std::string auth(const std::string& text) {
    return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>" + text +
           "</auth>";
}

static const std::string features =
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>";

const std::string offer_starttls =
    "{header}" + features +
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
const std::string offer_external =
    "{header}" + features +
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>"
    "</mechanisms><authentication xmlns='urn:xmpp:sasl:2'><mechanism>EXTERNAL</mechanism>"
    "<inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/>"
    "<feature var='urn:xmpp:csi:0'/><feature var='urn:xmpp:sm:3'/></inline></bind>"
    "<sm xmlns='urn:xmpp:sm:3'/><fast xmlns='urn:xmpp:fast:0'>"
    "<mechanism>HT-SHA-256-NONE</mechanism></fast></inline></authentication>"
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits>"
    "</stream:features>";
const std::string offer_bind =
    "{header}" + features +
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
    "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"
    "<sm xmlns='urn:xmpp:sm:3'/>"
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>524288</max-bytes>"
    "<idle-seconds>600</idle-seconds></limits><ver xmlns='urn:xmpp:features:rosterver'/>"
    "<sub xmlns='urn:xmpp:features:pre-approval'/><csi xmlns='urn:xmpp:csi:0'/></stream:features>";

std::string error_of(const std::string& condition, const std::string& text) {
    return "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><" + condition +
           " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
           "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>" +
           text + "</text></stream:error></stream:stream>";
}

std::string failure_of(const std::string& condition, const std::string& text) {
    return "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><" + condition +
           "/><text xml:lang='en'>" + text + "</text></failure>";
}

Script secured(const server::tls::Presented& presented, const std::string& header_more) {
    return {
        {client_header(), {offer_starttls}},
        {"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
         {"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "starttls"}},
        {Tls{presented}, {"restart"}},
        {client_header(header_more), {offer_external}},
    };
}

Script operator+(Script first, const Script& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}   // namespace grid::test
