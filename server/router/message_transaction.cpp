// server/router/message_transaction.cpp: a message in the pipeline: it waits for its addressee once
// it is durable, and its sender hears when it cannot.
#include "controller/messages/offline_messages.hpp"
#include "server/clock.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"
#include "server/router/router.hpp"

namespace grid::server {
namespace {

class MessageTransaction final : public TypedTransaction<Router::Way, xml::StanzaError> {
public:
    MessageTransaction(
        Router& router, controller::Controller& controller, SessionPtr session, Inbound message
    )
        : TypedTransaction([this](const pubsub::Context&) { return decide_way(); }),
          router_(router),
          controller_(controller),
          session_(std::move(session)),
          message_(std::move(message)),
          account_((message_.to.empty() ? session_->bare : message_.to).bare().str()) {
        order = pubsub::Order::Pipelined;
        is_followed = true;
        context = {session_->principal, now(), fresh_id()};
    }

    /// Drops messages of a session that was ended (iq_transaction.cpp).
    Next decide() override {
        stop_coming();
        if (session_->is_ended) {
            keep(xml::not_allowed("this stream was ended"));
            return Next::Answer;
        }
        const Next next = TypedTransaction::decide();
        if (next != Next::Commit || !waits_) return next;
        is_coming_ = true;
        controller_.offline().begin(account_, message_.relayed->size());
        return next;
    }

    /// From now on it is counted where it waits.
    void applied() override { stop_coming(); }

protected:
    xml::StanzaError to_error(boost::system::error_code error) override {
        return to_stanza_error(error);
    }
    void send(Answer answer) override {
        stop_coming();
        if (auto* way = std::get_if<1>(&answer)) return router_.go(session_, message_, *way);
        Router::Way refused;
        refused.delivery = Delivery::Refuse;
        refused.refusal = std::get<0>(std::move(answer));
        router_.go(session_, message_, refused);
    }

private:
    Decision decide_way() {
        Router::Way way = router_.way_of(*session_, message_);
        if (!way.is_kept()) return way;
        way.id = context.fresh_id;
        waits_ = way.delivery == Delivery::Store;
        auto batch = router_.keep(*session_, message_, way);
        if (batch) return Decision::Change{std::move(*batch), std::move(way)};
        way.delivery = Delivery::Refuse;
        way.refusal = batch.error();
        return way;
    }
    void stop_coming() {
        if (std::exchange(is_coming_, false))
            controller_.offline().end(account_, message_.relayed->size());
    }

    Router& router_;
    controller::Controller& controller_;
    SessionPtr session_;
    Inbound message_;
    std::string account_;   // the addressee's
    bool waits_ = false;
    bool is_coming_ = false;   // into offline storage
};

class WaitingTransaction final : public TypedTransaction<std::monostate, xml::StanzaError> {
public:
    WaitingTransaction(
        Router& router, controller::Controller& controller, Router::Undelivered undelivered
    )
        : TypedTransaction([this](const pubsub::Context&) { return decide_batch(); }),
          router_(router),
          controller_(controller),
          undelivered_(std::move(undelivered)),
          account_(undelivered_.to.bare().str()) {
        order = pubsub::Order::Pipelined;
        context = {pubsub::Principal::system(), now(), fresh_id()};
    }

    Next decide() override {
        stop_coming();
        const Next next = TypedTransaction::decide();
        if (next != Next::Commit) return next;
        is_coming_ = true;
        controller_.offline().begin(account_, undelivered_.text->size());
        return next;
    }

    /// From now on it is counted where it waits.
    void applied() override { stop_coming(); }

protected:
    xml::StanzaError to_error(boost::system::error_code error) override {
        return to_stanza_error(error);
    }
    void send(Answer answer) override {
        stop_coming();
        if (auto* error = std::get_if<0>(&answer)) return router_.kept(undelivered_, *error);
        router_.kept(undelivered_, std::nullopt);
    }

private:
    Decision decide_batch() {
        auto batch = router_.keep(undelivered_);
        if (!batch) return batch.error();
        return Decision::Change{std::move(*batch), {}};
    }
    void stop_coming() {
        if (std::exchange(is_coming_, false))
            controller_.offline().end(account_, undelivered_.text->size());
    }

    Router& router_;
    controller::Controller& controller_;
    Router::Undelivered undelivered_;
    std::string account_;      // the addressee's
    bool is_coming_ = false;   // into offline storage
};

}   // namespace

std::unique_ptr<Transaction> make_waiting_transaction(
    Router& router, controller::Controller& controller, Router::Undelivered undelivered
) {
    return std::make_unique<WaitingTransaction>(router, controller, std::move(undelivered));
}

std::unique_ptr<Transaction> make_message_transaction(
    Router& router, controller::Controller& controller, const SessionPtr& session, Inbound message
) {
    return std::make_unique<MessageTransaction>(router, controller, session, std::move(message));
}

}   // namespace grid::server
