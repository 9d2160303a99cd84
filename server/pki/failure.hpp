// server/pki/failure.hpp: "why not" as the return value of any function with Result<T,
// std::string>.
#pragma once

#include <string>
#include <utility>

#include "xml/result.hpp"

namespace grid::pki {

/// Result cannot tell a text that is a value from a text that is an error when T can be made of a
/// string, which every aggregate with a first string can. This says which.
struct Failure {
    std::string text;

    template <class T>
    operator Result<T, std::string>() && {
        return Result<T, std::string>(boost::system::in_place_error, std::move(text));
    }
};

}   // namespace grid::pki
