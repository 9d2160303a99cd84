// controller/administration/file_acts.cpp: see controller/administration/file_acts.hpp.
#include "controller/administration/file_acts.hpp"

#include "controller/audit/record.hpp"

namespace grid::controller::administration {

Outcome<storage::Batch> remove_file(const ActContext& call, const std::string& id) {
    const bulk::File* file = call.state.files.find(id);
    if (file == nullptr) return Failure{Errc::UnknownFile, "no file " + id, {}};
    storage::Batch batch = bulk::Files::erase(*file);
    call.expect_right(batch);
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "file-remove");
    record.target = file->owner;
    record.detail = file->name;
    audit::append(batch, record);
    return batch;
}

}   // namespace grid::controller::administration
