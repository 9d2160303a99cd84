// controller/accounts/profile_key.hpp: where an account's vCard lies in the store.
#pragma once

#include <string>
#include <string_view>

#include "storage/keys.hpp"

namespace grid::controller {

/// In Payload, which is not read at a start. An account's deletion erases it.
inline std::string profile_key(std::string_view jid) {
    return std::string(1, static_cast<char>(storage::Tag::Profile)).append(jid);
}

}   // namespace grid::controller
