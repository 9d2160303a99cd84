// server/router/iq_transaction.cpp: an iq in the pipeline, and its answer on the wire; of a message
// to a service, its refusal.
#include "pubsub/reply.hpp"
#include "server/clock.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"
#include "server/router/router.hpp"
#include "xml/iq_form.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::server {
namespace {

class IqTransaction final : public TypedTransaction<pubsub::Reply, xml::StanzaError> {
public:
    IqTransaction(
        Router& router,
        Fanout& fanout,
        SessionPtr session,
        const xml::Element& iq,
        pubsub::PreparedRequest prepared
    )
        : TypedTransaction(std::move(prepared.decide)),
          router_(router),
          fanout_(fanout),
          session_(std::move(session)),
          is_iq_(iq.name() == "iq"),
          is_answer_(xml::is_answer(iq)),
          id_(iq.attr_or("id", "")),
          to_(iq.attr_or("to", "")),
          effect_(prepared.effect) {
        order = prepared.order;
        context = {session_->principal, now(), fresh_id()};
    }
    ~IqTransaction() override { note_due(false); }

    /// Drops requests of a session that was ended: they must not run with the rights of its next
    /// login, nor with a certificate that was revoked.
    Next decide() override {
        if (!session_->is_ended) return TypedTransaction::decide();
        keep(xml::not_allowed("this stream was ended"));
        return Next::Answer;
    }
    void applied() override { note_due(true); }

protected:
    xml::StanzaError to_error(boost::system::error_code error) override {
        return to_stanza_error(error);
    }

    void send(Answer answer) override {
        note_due(false);
        const bool has_sequel = prepare_sequel(answer);
        if (auto* reply = std::get_if<1>(&answer))
            for (xml::Element& message : reply->messages)
                fanout_.send(session_, Outgoing::stanza(to_bytes(std::move(message))));
        // Messages that come after the answer are copied, or not, at every member of a cluster.
        const bool is_of_copies = effect_ == pubsub::SessionEffect::CopiesOn ||
                                  effect_ == pubsub::SessionEffect::CopiesOff;
        if (is_of_copies && answer.index() != 0) {
            router_.note_effect(session_, effect_);
            return router_.send_when_told(
                session_, Outgoing::whole(StanzaKind::Iq, to_bytes(answer))
            );
        }
        if (is_iq_)
            fanout_.send(session_, Outgoing::whole(StanzaKind::Iq, to_bytes(answer)));
        else if (const xml::StanzaError* error = std::get_if<0>(&answer); error && !is_answer_)
            refuse_message(*error);
        if (answer.index() != 0) router_.note_effect(session_, effect_);
        if (has_sequel) router_.begin_sequels(*session_);
    }

private:
    static constexpr std::size_t answer_bytes_likely = 160;

    void note_due(bool is_due) {
        if (is_due == std::exchange(is_due_, is_due)) return;
        is_due ? ++session_->answers_due : --session_->answers_due;
    }

    bool prepare_sequel(Answer& answer) {
        const auto* reply = std::get_if<1>(&answer);
        if (!is_iq_ || reply == nullptr || !reply->sequel) return false;
        auto error = router_.prepare_sequel(*session_, to_, *reply->sequel);
        if (error) answer.emplace<0>(std::move(*error));
        return !error;
    }

    /// RFC 6120 §8.3.1.
    void refuse_message(const xml::StanzaError& error) {
        xml::Element message("message", xml::ns::client);
        if (!id_.empty()) message.set("id", id_);
        fanout_.send(session_, Outgoing::stanza(to_bytes(xml::error_reply(message, error))));
    }

    xml::Bytes to_bytes(xml::Element message) const {
        message.set("from", to_.empty() ? session_->bare.str() : to_);
        message.set("to", session_->jid.str());
        return std::make_shared<const std::string>(xml::to_string(message, xml::ns::client.uri()));
    }

    /// The answer comes from the address that was asked.
    xml::Bytes to_bytes(const Answer& answer) const {
        const xml::StanzaError* error = std::get_if<0>(&answer);
        const xml::Element* payload = nullptr;
        if (const auto* reply = std::get_if<1>(&answer)) {
            payload = reply->payload ? &*reply->payload : nullptr;
            // Partly done (XEP-0060 §8.8.2.4): an error that lists the lines not done.
            error = reply->error ? &*reply->error : nullptr;
        }
        // Half of all answers are no more than these attributes: they are written as they are.
        auto out = std::make_shared<std::string>("<iq");
        out->reserve(answer_bytes_likely);
        xml::append_attr(*out, "type", error ? "error" : "result");
        for (const auto& [name, value] :
             {std::pair("id", &id_), std::pair("from", &to_), std::pair("to", &session_->jid.str())
             })
            if (!value->empty()) xml::append_attr(*out, name, *value);
        if (!payload && !error) {
            *out += "/>";
            return out;
        }
        *out += '>';
        if (payload) xml::write(*out, *payload, xml::ns::client.uri());
        if (error) xml::write(*out, error->to_element(), xml::ns::client.uri());
        *out += "</iq>";
        return out;
    }

    Router& router_;
    Fanout& fanout_;
    SessionPtr session_;
    bool is_iq_;   // a message asks for no answer, but is told why it was refused
    bool is_answer_;
    bool is_due_ = false;
    std::string id_, to_;
    pubsub::SessionEffect effect_;
};

}   // namespace

std::unique_ptr<Transaction> make_iq_transaction(
    Router& router,
    Fanout& fanout,
    const SessionPtr& session,
    const xml::Element& iq,
    pubsub::PreparedRequest prepared
) {
    return std::make_unique<IqTransaction>(router, fanout, session, iq, std::move(prepared));
}

}   // namespace grid::server
