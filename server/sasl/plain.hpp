// server/sasl/plain.hpp: the PLAIN mechanism (RFC 4616), where the operator switched it on.
#pragma once

#include "server/sasl/mechanism.hpp"

namespace grid::server::sasl {

/// The password is compared on the reader pool, whether the account exists or not.
class Plain final : public Mechanism {
public:
    explicit Plain(std::string domain) : domain_(std::move(domain)) {}

    Step start(const std::optional<std::string>& initial) override;
    Step respond(const std::string& response) override;
    Step found(controller::LoginKeys keys) override;

private:
    std::string domain_;
    xml::Jid account_;   // empty: the name is none
};

}   // namespace grid::server::sasl
