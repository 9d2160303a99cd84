// controller/command_sessions.cpp: see controller/command_sessions.hpp.
#include "controller/command_sessions.hpp"

namespace grid::controller {

namespace {

constexpr std::size_t time_digits = 14;

std::size_t bytes_of(const xml::Form& form) {
    std::size_t bytes = sizeof(xml::Form);
    for (const xml::FormField& field : form.fields) {
        bytes += sizeof(field) + field.var.size() + field.label.size();
        for (const std::string& value : field.values) bytes += sizeof(value) + value.size();
    }
    return bytes;
}

}   // namespace

std::string Dialogs::make_id(const std::string& fresh_id, storage::Millis now) {
    std::string time = std::to_string(now);
    if (time.size() < time_digits) time.insert(0, time_digits - time.size(), '0');
    return time + "-" + fresh_id;
}

bool Dialogs::looks_like_id(std::string_view id) {
    return id.size() > time_digits + 1 && id[time_digits] == '-' &&
           id.substr(0, time_digits).find_first_not_of("0123456789") == std::string_view::npos;
}

bool Dialogs::is_foreign(std::string_view id, const xml::Jid& owner, std::string_view node) const {
    const auto found = dialogs_.find(id);
    return found != dialogs_.end() && (found->second.owner != owner || found->second.node != node);
}

void Dialogs::erase(Place place) {
    bytes_ -= place->second.bytes;
    dialogs_.erase(place);
}

void Dialogs::forget_old(storage::Millis now) {
    for (auto place = dialogs_.begin(); place != dialogs_.end();) {
        const auto next = std::next(place);
        if (now - place->second.touched > idle_ms_max) erase(place);
        place = next;
    }
}

Dialog* Dialogs::open(
    std::string id,
    const xml::Jid& owner,
    std::string_view node,
    storage::Millis now,
    std::size_t most
) {
    forget_old(now);
    std::size_t own = 0;
    Place oldest = dialogs_.end();
    for (auto place = dialogs_.begin(); place != dialogs_.end(); ++place) {
        if (place->second.owner.bare_view() != owner.bare_view()) continue;
        ++own;
        if (oldest == dialogs_.end() || place->second.number < oldest->second.number)
            oldest = place;
    }
    if (own >= dialogs_per_account_max) erase(oldest);
    if (dialogs_.size() >= most) return nullptr;
    Dialog& dialog = dialogs_[std::move(id)];
    dialog.owner = owner;
    dialog.node = node;
    dialog.touched = now;
    dialog.number = ++opened_;
    return &dialog;
}

Dialog* Dialogs::find(
    std::string_view id,
    const xml::Jid& owner,
    std::string_view node,
    std::string_view request,
    storage::Millis now
) {
    const auto found = dialogs_.find(id);
    if (found == dialogs_.end()) return nullptr;
    Dialog& dialog = found->second;
    if (dialog.owner != owner || dialog.node != node) return nullptr;
    if (!dialog.ended_by.empty() && dialog.ended_by != request) return nullptr;
    if (now - dialog.touched > idle_ms_max) {
        erase(found);
        return nullptr;
    }
    dialog.touched = now;
    return &dialog;
}

bool Dialogs::answer(Dialog& dialog, const xml::Form& form) {
    const std::size_t bytes = bytes_of(form);
    if (bytes_ + bytes > bytes_max) return false;
    dialog.answers.push_back(form);
    dialog.bytes += bytes;
    bytes_ += bytes;
    return true;
}

void Dialogs::back(Dialog& dialog) {
    if (dialog.answers.empty()) return;
    const std::size_t bytes = bytes_of(dialog.answers.back());
    dialog.answers.pop_back();
    dialog.bytes -= bytes;
    bytes_ -= bytes;
}

void Dialogs::close(std::string_view id) {
    if (const auto found = dialogs_.find(id); found != dialogs_.end()) erase(found);
}

}   // namespace grid::controller
