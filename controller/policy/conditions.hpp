// controller/policy/conditions.hpp: the conditions of a rule, prepared for checking.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/rule.hpp"
#include "controller/text/glob.hpp"

namespace grid::controller::policy {

/// A question with what patterns are matched against.
struct Prepared {
    explicit Prepared(const Question& q)
        : question(q),
          client(q.client),
          topic(q.topic),
          type(q.type),
          service(q.service_asked()),
          device(q.device),
          issuer(q.issuer),
          anchor(q.anchor) {}
    const Question& question;
    Marked client, topic, type, service, device, issuer, anchor;
};

/// Small, with one value of each kind in itself, since a decision may look at a thousand of them.
class ConditionCheck {
public:
    explicit ConditionCheck(const Rule& rule);
    ~ConditionCheck();
    ConditionCheck(ConditionCheck&&) noexcept;
    /// Everything but where the session comes from.
    bool holds_for_account(const Prepared& given) const {
        // Nearly all that does not fit is told by a number.
        if (has_device_ && (device_needs_ & ~given.device.pairs) != 0) return false;
        if (has_type_ && (type_needs_ & ~given.type.pairs) != 0) return false;
        const std::uint32_t minute = given.question.minute;
        if (has_window_ && (minute < window_.from || window_.to <= minute)) return false;
        return !rest_ || rest_holds(given);
    }
    /// The network. Where nothing is known of the session, as `SessionKnown` says.
    bool holds_for_session(const Prepared& given) const {
        if (!has_network_) return true;
        const Question& question = given.question;
        if (question.session == SessionKnown::Possible) return allows_;
        if (question.session == SessionKnown::Certain) return !allows_;
        if (!question.address) return false;
        return network_.contains(*question.address) ||
               (has_networks_ && other_network_holds(*question.address));
    }
    /// Whether another session of the account, or another topic, may be judged otherwise.
    bool is_of_session() const { return has_network_; }
    bool is_of_object() const { return is_of_object_; }

private:
    struct Rest;
    bool rest_holds(const Prepared& given) const;
    bool other_network_holds(const Address& address) const;

    bool allows_ = false, is_of_object_ = false;
    bool has_device_ = false, has_type_ = false;        // exactly one pattern
    bool has_window_ = false;                           // exactly one
    bool has_network_ = false, has_networks_ = false;   // one; and more
    Window window_;
    std::uint64_t device_needs_ = 0, type_needs_ = 0;
    Network network_;
    std::unique_ptr<const Rest> rest_;   // all that has to be looked at besides
};

}   // namespace grid::controller::policy
