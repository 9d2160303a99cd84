// server/grid/callback_pending.hpp: a request whose answer goes to a function: HTTP, enrolment.
#pragma once

#include <functional>
#include <utility>

#include "server/grid/pending.hpp"

namespace grid::server {

template <class Reply, class Error>
class CallbackPending final : public TypedPending<Reply, Error> {
public:
    using Base = TypedPending<Reply, Error>;
    using ToError = Error (*)(boost::system::error_code);

    CallbackPending(
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
