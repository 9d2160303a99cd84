// server/gridctl/xmpp/management.cpp: see server/gridctl/xmpp/management.hpp.
#include "server/gridctl/xmpp/management.hpp"

#include <utility>

namespace grid::gridctl::xmpp {

namespace {
constexpr std::size_t stanzas_per_question = 32;
}   // namespace

bool Management::sent(std::string bytes) {
    queue_.push_back(std::move(bytes));
    if (++since_asked_ < stanzas_per_question) return false;
    since_asked_ = 0;
    return true;
}

bool Management::acknowledged(std::uint32_t handled) {
    const std::uint32_t more = handled - acknowledged_;
    if (more > queue_.size()) return false;
    queue_.erase(queue_.begin(), queue_.begin() + more);
    acknowledged_ = handled;
    return true;
}

}   // namespace grid::gridctl::xmpp
