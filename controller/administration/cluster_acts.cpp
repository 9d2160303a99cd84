// controller/administration/cluster_acts.cpp: see controller/administration/cluster_acts.hpp.
#include "controller/administration/cluster_acts.hpp"

#include <array>

namespace grid::controller::administration {

Outcome<void> ask_member(
    const ActContext& call,
    const ServerInfo& server,
    ClusterControl::Wish wish,
    const std::string& member
) {
    static const std::string rule = "group administrators";
    constexpr std::array<std::string_view, 4> acts{
        "cluster-drain", "cluster-join", "cluster-promote", "cluster-leave"
    };
    ClusterControl* cluster = server.cluster();
    if (cluster == nullptr)
        return Failure{Errc::WrongState, "this server is no member of a cluster", {}};
    if (auto asked = cluster->ask(wish, member); !asked)
        return Failure{Errc::WrongState, asked.error(), {}};
    call.state.note(
        call.actor(), acts.at(static_cast<std::size_t>(wish)), member, {true, 0, &rule}
    );
    return {};
}

}   // namespace grid::controller::administration
