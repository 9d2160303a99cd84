// controller/admit.hpp: whether an identity may enter, by the account that it claims.
#pragma once

#include "controller/admission.hpp"
#include "controller/identity.hpp"

namespace grid::controller {

/// `account`: the one that the identity claims; null: there is none. Pure.
Admission admit(const Account* account, const Identity& identity);

}   // namespace grid::controller
