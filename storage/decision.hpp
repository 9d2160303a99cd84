// storage/decision.hpp: a subsystem's decision on a request, before any state has changed.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "storage/batch.hpp"
#include "storage/store.hpp"

namespace grid::storage {

struct KeyRef {
    Family family = Family::Payload;
    std::string key;
};

/// Refuse with an Error, or answer at once with a Reply, or commit and then answer, or read from
/// the store and then answer. A pure value: making it changed nothing.
template <class Reply, class Error>
struct Decision {
    struct Change {
        Batch batch;
        Reply reply;   // sent when the batch is durable and applied
    };
    struct Read {
        std::vector<KeyRef> keys;
        /// Gets one value per key, nothing where the key is gone. Runs on the reader pool.
        std::function<std::variant<Error, Reply>(std::vector<std::optional<Snapshot::Value>> values
        )>
            finish;
    };
    /// For reads that do not know their keys beforehand (archive, audit). Runs on the reader pool.
    struct Query {
        std::function<std::variant<Error, Reply>(const Snapshot&)> run;
    };

    /// Long work that changes nothing: done on the reader pool, after which the request is decided
    /// again and finds the result.
    struct Work {
        std::function<void()> run;
        /// Instead, where it reads from the store.
        std::function<void(const Snapshot&)> look = nullptr;
        void operator()(const Snapshot& snapshot) const {
            if (look)
                look(snapshot);
            else
                run();
        }
    };

    std::variant<Error, Reply, Change, Read, Query, Work> what;

    Decision(Error error)
        requires(!std::same_as<Error, Reply>)   // where they are one type, a refusal is a reply
        : what(std::in_place_index<0>, std::move(error)) {}
    Decision(Reply reply) : what(std::in_place_index<1>, std::move(reply)) {}
    Decision(Change change) : what(std::in_place_index<2>, std::move(change)) {}
    Decision(Read read) : what(std::in_place_index<3>, std::move(read)) {}
    Decision(Query query) : what(std::in_place_index<4>, std::move(query)) {}
    Decision(Work work) : what(std::in_place_index<5>, std::move(work)) {}

    const Error* error() const { return std::get_if<0>(&what); }
    const Reply* reply() const { return std::get_if<1>(&what); }
    Change* change() { return std::get_if<2>(&what); }
    Read* read() { return std::get_if<3>(&what); }
    Query* query() { return std::get_if<4>(&what); }
    Work* work() { return std::get_if<5>(&what); }
};

}   // namespace grid::storage
