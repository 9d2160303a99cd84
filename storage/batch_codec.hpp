// storage/batch_codec.hpp: a batch as bytes, in the log of a cluster and on the way to its leader.
#pragma once

#include "storage/batch.hpp"
#include "storage/codec.hpp"

namespace grid::storage {

enum class Expectations { With, Without };   // without: those that were checked already

void encode(Encoder& out, const Batch& batch, Expectations expectations);
/// False when the bytes are no batch, or one over a bound of batches.
bool decode(Decoder& in, Batch& batch);

}   // namespace grid::storage
