// server/pipeline/transaction.hpp: one request, from decide over commit and apply to its answer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "pubsub/request.hpp"
#include "storage/decision.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// A request as the pipeline knows it, whatever it asks and wherever it came from. Core strand.
class Transaction {
public:
    /// Delivering: applied, its events are going out; the answer comes after them. Working: it is
    /// decided again afterwards.
    enum class State { Waiting, Working, InFlight, Delivering, Reading, Answered };
    enum class Next { Answer, Commit, Read, Work };

    virtual ~Transaction() = default;

    /// Pure towards the services; may be called again after a conflict. Keeps what comes of it.
    virtual Next decide() = 0;
    /// After Next::Commit, once.
    virtual storage::Batch take_batch() = 0;
    /// Memory follows its batch; the answer comes later, and in a cluster perhaps much later.
    virtual void applied() {}
    /// After Next::Read; on the reader pool. Keeps the answer.
    virtual void read(const storage::Snapshot& snapshot) = 0;
    /// After Next::Work; on the reader pool.
    virtual void work(const storage::Snapshot& /*snapshot*/) {}
    /// The store would not: keeps the error as the answer.
    virtual void refuse(boost::system::error_code error) = 0;
    /// Sends the answer that was kept.
    virtual void answer() = 0;

    pubsub::Order order = pubsub::Order::Barrier;
    pubsub::Context context;
    State state = State::Waiting;
    int rounds = 0;                // how often it was decided
    bool is_for_all = false;       // of a change every member of a cluster has to know first
    bool is_for_cut_off = false;   // taken, too, while this member does not hear from the others
    bool is_followed = false;      // later stanzas of its sender to others wait for its answer
    std::uint64_t stanza = 0;      // its number among those that the sender counts; 0: not counted
    std::size_t batch_bytes = 0;   // in the commit queue
};

/// The same for one kind of reply and error; what is left is what to do with them.
template <class Reply, class Error>
class TypedTransaction : public Transaction {
public:
    using Decision = storage::Decision<Reply, Error>;
    using Answer = std::variant<Error, Reply>;

    explicit TypedTransaction(std::function<Decision(const pubsub::Context&)> decide)
        : decide_(std::move(decide)) {}

    Next decide() override {
        decision_.emplace(decide_(context));
        if (auto* change = decision_->change()) {
            answer_.template emplace<1>(std::move(change->reply));
            return Next::Commit;
        }
        if (decision_->read() || decision_->query()) return Next::Read;
        if (decision_->work()) return Next::Work;
        if (auto* error = decision_->error())
            answer_.template emplace<0>(*error);
        else
            answer_.template emplace<1>(*decision_->reply());
        return Next::Answer;
    }
    storage::Batch take_batch() override { return std::move(decision_->change()->batch); }
    void read(const storage::Snapshot& snapshot) override {
        if (auto* query = decision_->query()) {
            answer_ = query->run(snapshot);
            return;
        }
        auto* read = decision_->read();
        std::vector<std::optional<storage::Snapshot::Value>> values;
        values.reserve(read->keys.size());
        for (const auto& key : read->keys) {
            auto value = snapshot.get(key.family, key.key);
            if (!value) {
                refuse(value.error());
                return;
            }
            values.push_back(std::move(*value));
        }
        answer_ = read->finish(std::move(values));
    }
    void work(const storage::Snapshot& snapshot) override { (*decision_->work())(snapshot); }
    void refuse(boost::system::error_code error) override {
        answer_.template emplace<0>(to_error(error));
    }
    void answer() override { send(std::move(answer_)); }

protected:
    void keep(Error error) { answer_.template emplace<0>(std::move(error)); }
    virtual Error to_error(boost::system::error_code error) = 0;
    virtual void send(Answer answer) = 0;

private:
    std::function<Decision(const pubsub::Context&)> decide_;
    std::optional<Decision> decision_;
    Answer answer_;
};

// A request whose answer goes to a function: HTTP, enrolment.

template <class Reply, class Error>
class CallbackTransaction final : public TypedTransaction<Reply, Error> {
public:
    using Base = TypedTransaction<Reply, Error>;
    using ToError = Error (*)(boost::system::error_code);

    CallbackTransaction(
        std::function<typename Base::Decision(const pubsub::Context&)> decide,
        ToError to_error,
        std::function<void(typename Base::Answer)> done
    )
        : Base(std::move(decide)), to_error_(to_error), done_(std::move(done)) {}

protected:
    Error to_error(boost::system::error_code error) override { return to_error_(error); }
    void send(typename Base::Answer answer) override { done_(std::move(answer)); }

private:
    ToError to_error_;
    std::function<void(typename Base::Answer)> done_;
};

}   // namespace grid::server
