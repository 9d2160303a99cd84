// server/live/listener.cpp: see listener.hpp.
#include "server/live/listener.hpp"

namespace grid::server::live {

Event make_event(std::string_view name, std::string_view data, std::string_view id) {
    std::string text = "event: ";
    text.append(name);
    if (!id.empty()) text.append("\nid: ").append(id);
    text.append("\ndata: ").append(data).append("\n\n");
    return std::make_shared<const std::string>(std::move(text));
}

void Listener::put(EventKind kind, const Event& event) {
    if (!wish_.kinds.test(static_cast<std::size_t>(kind))) return;
    bool is_first = false;
    {
        const std::lock_guard lock(mutex_);
        if (is_ended_) return;
        // One place and a few bytes stay free for the word of what was lost.
        if (queue_.size() + 1 >= events_max || bytes_ + event->size() > bytes_max) {
            ++lost_;
            return;
        }
        is_first = queue_.empty();
        if (lost_ > 0) tell_loss();
        push(event);
    }
    if (is_first) wake_();
}

void Listener::push(const Event& event) {
    bytes_ += event->size();
    queue_.push_back(event);
}

void Listener::tell_loss() {
    push(make_event("lost", "{\"events\":" + std::to_string(lost_) + "}"));
    lost_ = 0;
}

void Listener::end() {
    {
        const std::lock_guard lock(mutex_);
        is_ended_ = true;
    }
    wake_();
}

bool Listener::is_ended() const {
    const std::lock_guard lock(mutex_);
    return is_ended_;
}

std::string Listener::take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    std::string text;
    while (!queue_.empty() && (text.empty() || text.size() + queue_.front()->size() <= bytes)) {
        text += *queue_.front();
        bytes_ -= queue_.front()->size();
        queue_.pop_front();
        if (queue_.empty() && lost_ > 0) tell_loss();
    }
    return text;
}

}   // namespace grid::server::live
