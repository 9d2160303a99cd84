// server/gridctl/light/item_source.hpp: a file or standard input as items to be published.
#pragma once

#include <cstdint>
#include <string>

#include "server/gridctl/light/loop.hpp"
#include "server/gridctl/xmpp/payload.hpp"
#include "server/gridctl/xmpp/publisher.hpp"

namespace grid::gridctl::light {

/// Input is read no faster than items are acknowledged: beyond the publisher's window and one read,
/// nothing is kept.
class ItemSource final : public Source {
public:
    struct Names {
        std::string id;        // of the only item
        std::string prefix;    // of ids: the number of the line follows
        bool are_new = true;   // no earlier run has used the prefix
    };
    /// Opens the file, "-" for standard input. Failed (Usage).
    ItemSource(const std::string& path, bool is_by_lines, Names names, xmpp::Publisher& publisher);
    ~ItemSource() override;
    ItemSource(const ItemSource&) = delete;
    ItemSource& operator=(const ItemSource&) = delete;

    int fd() const override { return fd_; }
    bool wants_more() const override;
    void read() override;
    void pump(xmpp::Session& session) override;
    void stop() override { is_stopped_ = true; }

    /// All that there was has been handed on.
    bool is_through() const { return is_through_; }
    /// Of a file: the part that was read; negative where its size is not known.
    double part() const;

private:
    void hand_on(xmpp::Session& session, xmpp::TextReader::Text text);

    int fd_ = -1;
    Names names_;
    xmpp::Publisher& publisher_;
    xmpp::TextReader reader_;
    std::uint64_t size_ = 0, read_ = 0;
    bool is_at_end_ = false, is_through_ = false, is_stopped_ = false;
};

}   // namespace grid::gridctl::light
