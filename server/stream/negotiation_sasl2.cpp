// server/stream/negotiation_sasl2.cpp: the Extensible SASL Profile and what it negotiates at once
// (XEP-0388, XEP-0386, XEP-0484, XEP-0198 §9).
#include <algorithm>

#include "controller/credentials/scram.hpp"
#include "controller/messages/message.hpp"
#include "server/sasl/hashed_token.hpp"
#include "server/session/client_state.hpp"
#include "server/session/management_words.hpp"
#include "server/stream/features.hpp"
#include "server/stream/header.hpp"
#include "server/stream/negotiation_state.hpp"
#include "xml/base64.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::stream {

namespace ns = xml::ns;
using xml::Element;

namespace {

/// Base64 within an element of its own: empty is an empty message, and "=" is none of its forms.
std::optional<std::string> message_in(const Element& element) {
    if (element.child_count() > 0) return std::nullopt;
    return xml::parse_base64(element.text());
}

constexpr std::size_t client_id_digits = 16;

/// The server's part of a resource: of one installation always the same, so that its next stream
/// takes the place of the last, and nothing that tells its id. (XEP-0386 §4.2.1)
std::string own_part(const std::string& client_id, const xml::Jid& account, std::string other) {
    if (client_id.empty()) return other;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c :
         controller::digest(controller::ScramHash::Sha256, account.str() + ' ' + client_id)) {
        text += digits[static_cast<unsigned char>(c) >> 4U];
        text += digits[static_cast<unsigned char>(c) & 15U];
        if (text.size() >= client_id_digits) break;
    }
    return text;
}

/// `as`: the full JID where there is a session, the bare one where there is none yet.
Element success(
    const std::string& data, const xml::Jid& as, const std::optional<controller::Token>& issued
) {
    Element element("success", ns::sasl2);
    if (!data.empty()) element.add(Element::with_text("additional-data", xml::to_base64(data)));
    element.add(Element::with_text("authorization-identifier", as.str()));
    if (issued)
        element.add(Element(
            "token", ns::fast,
            {{"expiry", xml::to_datetime(issued->expires)}, {"token", issued->secret}}
        ));
    return element;
}

/// A word of stream management, or the word that says what is wrong with it.
template <class Expected>
std::optional<std::variant<Expected, sm::Wrong>> word_in(const Element& parent, const char* name) {
    const Element* element = parent.child(name, sm::ns);
    if (!element) return std::nullopt;
    auto word = sm::read(*element);
    if (auto* said = std::get_if<sm::Word>(&word)) {
        if (auto* expected = std::get_if<Expected>(said)) return std::move(*expected);
        if (auto* wrong = std::get_if<sm::Wrong>(said)) return std::move(*wrong);
    }
    return sm::Wrong{"bad-request"};
}

}   // namespace

void Negotiation::State::on_sasl2(const Element& element) {
    if (layer == Layer::Plain)
        return fail("policy-violation", "authentication is possible under TLS only");
    if (element.name() == "authenticate") return on_authenticate(element);
    if (!sasl2) return fail("unsupported-stanza-type", "no authentication is going on");
    if (element.name() == "abort") return refuse_sasl("aborted", "", false);
    if (element.name() != "response")
        return fail("unsupported-stanza-type", "unknown to SASL2: <" + element.name() + "/>");
    const auto answer = message_in(element);
    if (!answer) return refuse_sasl("incorrect-encoding", "the response is no base64", false);
    if (!exchange) return refuse_sasl("malformed-request", "a response without a challenge", false);
    take_step(exchange->respond(*answer));
}

void Negotiation::State::on_authenticate(const Element& request) {
    if (exchange) return fail("policy-violation", "another authentication is going on");
    sasl2 = std::make_unique<Sasl2>();
    if (const Element* agent = request.child("user-agent", ns::sasl2))
        sasl2->wish.client = agent->attr_or("id", "");
    if (!choose_token(request)) return;
    std::optional<std::string> initial;
    if (const Element* response = request.child("initial-response", ns::sasl2)) {
        initial = message_in(*response);
        if (!initial)
            return refuse_sasl("incorrect-encoding", "the initial response is no base64", false);
    }
    if (const Element* bind = request.child("bind", ns::bind2)) {
        sasl2->binds = true;
        if (const Element* tag = bind->child("tag", ns::bind2)) sasl2->tag = tag->text();
        const std::string part(std::max(client_id_digits, spare_id.size()), '0');
        if (!sasl2->tag.empty() && !xml::prepare_resource(sasl2->tag + "/" + part))
            return refuse_sasl("malformed-request", "the tag cannot stand in a resource", false);
        sasl2->takes_copies = bind->child("enable", controller::carbons_ns) != nullptr;
        sasl2->is_inactive = bind->child("inactive", csi_ns) != nullptr;
        sasl2->enable = word_in<sm::Enable>(*bind, "enable");
    }
    sasl2->resume = word_in<sm::Resume>(request, "resume");
    begin_exchange(initial);
}

/// XEP-0484: the mechanism of a token, where the client says that it has one; and the wish for one.
/// False: it was refused.
bool Negotiation::State::choose_token(const Element& request) {
    const auto mechanism = request.attr_or("mechanism", "");
    const Element* fast = request.child("fast", ns::fast);
    const Element* wanted = request.child("request-token", ns::fast);
    auto& wish = sasl2->wish;
    const bool has_client =
        !wish.client.empty() && wish.client.size() <= controller::client_bytes_max;
    by_password = fast != nullptr || mechanism != "EXTERNAL";
    // A wish that cannot be granted costs no login: @xmpp/client wishes without an id.
    if (!has_client) wanted = nullptr;
    if (fast != nullptr && !has_client) {
        refuse_sasl("malformed-request", "a token is for a user-agent with an id", false);
        return false;
    }
    if (wanted != nullptr) {
        wish.mechanism = wanted->attr_or("mechanism", "");
        if (!offer.has_token(wish.mechanism)) {
            refuse_sasl("malformed-request", "tokens are not for that mechanism", false);
            return false;
        }
    }
    if (fast == nullptr) return choose_mechanism(mechanism);
    const auto invalidates = fast->attr_or("invalidate", "");
    wish.invalidates = invalidates == "true" || invalidates == "1";
    asked_for.clear();
    if (!offer.has_token(mechanism)) {
        refuse_sasl("invalid-mechanism", "no mechanism of tokens", false);
        return false;
    }
    chosen = std::make_unique<sasl::HashedToken>(
        std::string(mechanism), wish.client, settings.domain, offer.channel, presented
    );
    return true;
}

/// The account may enter: first what becomes of tokens, so that the session is told of them before
/// anything else.
void Negotiation::State::admitted_by_sasl2() {
    if (!sasl2->wish.is_any()) return go_on_by_sasl2();
    out.emplace_back(IssueToken{identity, sasl2->wish});
    awaits = Awaits::Token;
}

/// XEP-0198 §9.2: before bind, which is not done then. False: there is no session to ask for.
bool Negotiation::State::resume_by_sasl2() {
    auto word = std::exchange(sasl2->resume, std::nullopt);
    if (!word) return false;
    if (const auto* wrong = std::get_if<sm::Wrong>(&*word)) {
        sasl2->not_resumed = sm::failed(wrong->condition);
        return false;
    }
    auto& said = std::get<sm::Resume>(*word);
    out.emplace_back(Resume{
        identity, std::move(said.token), said.handled,
        [data = success_data, issued = sasl2->issued](const xml::Jid& full, Element resumed) {
            Element whole = success(data, full, issued);
            whole.add(std::move(resumed));
            return whole;
        }
    });
    awaits = Awaits::Session;
    return true;
}

/// Resumes or binds what was asked for, or says so at once.
void Negotiation::State::go_on_by_sasl2() {
    if (resume_by_sasl2()) return;
    if (!sasl2->binds) return succeed_by_sasl2(identity->account, nullptr);
    const std::string part = own_part(sasl2->wish.client, identity->account, spare_id);
    auto resource = xml::prepare_resource(sasl2->tag.empty() ? part : sasl2->tag + "/" + part);
    sm::Wishes wishes{sasl2->takes_copies, sasl2->is_inactive, true, std::nullopt};
    if (sasl2->enable)
        if (const auto* enable = std::get_if<sm::Enable>(&*sasl2->enable))
            wishes.management = *enable;
    out.emplace_back(
        Bind{identity, resource ? std::move(*resource) : std::string(), std::move(wishes)}
    );
    awaits = Awaits::Resource;
}

/// `bound`: null where no resource was asked for. Features follow without a new stream (XEP-0388
/// §2.6.1).
void Negotiation::State::succeed_by_sasl2(const xml::Jid& as, Element* bound) {
    Element whole = success(success_data, as, sasl2->issued);
    if (sasl2->not_resumed) whole.add(std::move(*sasl2->not_resumed));
    const bool is_whole = bound != nullptr;
    const bool is_managed = is_whole && bound->child("enabled", sm::ns) != nullptr;
    if (is_whole) whole.add(std::move(*bound));
    send(whole);
    sasl2.reset();
    layer = Layer::Authenticated;
    const auto& limits = settings.config->limits;
    send(
        is_whole ? session_features(limits, settings.domain, settings.caps_hash, is_managed)
                 : bound_features(limits, settings.domain, settings.caps_hash)
    );
    awaits = is_whole ? Awaits::Nothing : Awaits::Element;
    is_bound = is_whole;
}

}   // namespace grid::server::stream
