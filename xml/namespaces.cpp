// xml/namespaces.cpp: finds the constant for a well-known namespace name.
#include "xml/namespaces.hpp"

#include <array>

namespace grid::xml {
namespace {

// clang-format off: one entry a line
const Ns* const well_known[] = {
    &ns::client,
    &ns::streams,
    &ns::stream_errors,
    &ns::stanza_errors,
    &ns::tls,
    &ns::sasl,
    &ns::channel_binding,
    &ns::sasl2,
    &ns::bind2,
    &ns::fast,
    &ns::register_feature,
    &ns::bind,
    &ns::session,
    &ns::limits,
    &ns::data,
    &ns::rsm,
    &ns::delay,
    &ns::disco_info,
    &ns::disco_items,
    &ns::commands,
    &ns::caps,
    &ns::ping,
    &ns::version,
    &ns::roster,
    &ns::in_band_registration,
    &ns::shim,
    &ns::pubsub,
    &ns::pubsub_owner,
    &ns::pubsub_event,
    &ns::pubsub_errors,
    &ns::gi,
    &ns::xgrid,
    &ns::gi_controller,
    &ns::gi_controller_draft,
    &ns::gi_errors,
    &ns::gi_grid,
    &ns::iodef_1,
    &ns::iodef_2,
};
// clang-format on

// Open addressing at a quarter full: nearly every look-up is one comparison.
class Table {
public:
    Table() {
        for (const Ns* known : well_known) {
            std::size_t at = hash(known->uri());
            while (slots_[at]) at = (at + 1) % slots_.size();
            slots_[at] = known;
        }
    }
    const Ns* find(std::string_view uri) const {
        for (std::size_t at = hash(uri); slots_[at]; at = (at + 1) % slots_.size())
            if (slots_[at]->uri() == uri) return slots_[at];
        return nullptr;
    }

private:
    static std::size_t hash(std::string_view uri) {
        // The names differ in length and near their ends; their beginnings are alike.
        std::size_t value = uri.size() * 131;
        for (std::size_t back = 1; back <= 5 && back <= uri.size(); ++back)
            value = value * 31 + static_cast<unsigned char>(uri[uri.size() - back]);
        return value % slot_count;
    }
    static constexpr std::size_t slot_count = 128;
    static_assert(std::size(well_known) * 3 < slot_count);
    std::array<const Ns*, slot_count> slots_{};
};

}   // namespace

Ns Ns::of(std::string_view uri) {
    static const Table table;
    if (uri.empty()) return {};
    if (const Ns* known = table.find(uri)) return *known;
    Ns made;
    made.owner_ = std::make_shared<const std::string>(uri);
    made.uri_ = *made.owner_;
    return made;
}

}   // namespace grid::xml
