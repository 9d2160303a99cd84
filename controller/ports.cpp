// controller/ports.cpp: what a session table need not write itself.
#include "controller/ports.hpp"

namespace grid::controller {

std::vector<xml::Jid> Sessions::resources(const xml::Jid& bare) const {
    std::vector<xml::Jid> found;
    for (SessionView& view : sessions())
        if (view.jid.bare_view() == bare.str()) found.push_back(std::move(view.jid));
    return found;
}

}   // namespace grid::controller
