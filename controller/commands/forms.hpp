// controller/commands/forms.hpp: shared parts of the forms and tables of commands.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/commands/command.hpp"

namespace grid::controller::commands {

inline constexpr const char* admin_form = "http://jabber.org/protocol/admin";   // XEP-0133

/// An empty form to fill in.
xml::Form form(std::string_view form_type, std::string title, std::string instructions = {});
/// A field without which the form is of no use: `<required/>`.
void add_required(
    xml::Form& to,
    std::string var,
    std::string type,
    std::string label,
    const std::vector<std::string>& options = {}
);
/// A field to fill in, with a value or options to choose from.
void add_field(
    xml::Form& to,
    std::string var,
    std::string type,
    std::string label,
    std::vector<std::string> values = {},
    const std::vector<std::string>& options = {}
);

/// One field of a result, with any number of values.
struct Value {
    std::string var;
    std::vector<std::string> values;
    const char* type = "text-single";
};
xml::Element result(std::string_view form_type, const std::vector<Value>& values);

/// XEP-0004 §3.4: reported columns and a row each.
class Table {
public:
    struct Column {
        const char *var, *type, *label;
    };
    Table(std::string_view form_type, std::string title, std::vector<Column> columns);
    void add(const std::vector<std::vector<std::string>>& row);
    std::size_t size() const { return size_; }
    xml::Element take() { return std::move(x_); }

private:
    std::vector<Column> columns_;
    xml::Element x_;
    std::size_t size_ = 0;
};

/// Which part of a list is asked for, by RSM or by a field `max_items`; forward only.
struct PageAsked {
    std::string after;
    std::size_t max = 0;
};
Result<PageAsked, xml::StanzaError> page_of(const Call& call);
xml::Element page_element(std::string first, std::string last, std::size_t count);

/// Accounts named by a field: bare JIDs of this grid, each once, at most `most`.
inline constexpr std::size_t accounts_at_once_max = 20;
Result<std::vector<xml::Jid>, xml::StanzaError> accounts_in(
    const Call& call, std::string_view var, std::size_t most = accounts_at_once_max
);
/// The groups of a field; nothing when it is not there or empty.
Result<std::optional<Groups>, xml::StanzaError> groups_in(const Call& call, std::string_view var);

Step refusal(const Failure& failure);
/// The end of a command whose act is that batch, or the refusal.
Step done_with(Outcome<storage::Batch> batch);

}   // namespace grid::controller::commands
