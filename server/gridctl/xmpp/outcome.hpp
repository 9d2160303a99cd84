// server/gridctl/xmpp/outcome.hpp: how a job ended, and where its lines go.
#pragma once

#include <string>

namespace grid::gridctl::xmpp {

/// For exit codes (server/gridctl/exit_code.hpp).
enum class Outcome { Done, Refused, NotFound };

/// The ways out of a job. The machines do no I/O of their own.
class Output {
public:
    virtual ~Output() = default;
    /// A line of the result, without its end. It has left the program when this returns.
    virtual void print(const std::string& line) = 0;
    /// A line for a person.
    virtual void complain(const std::string& text) = 0;
};

}   // namespace grid::gridctl::xmpp
