// xml/text_runs.hpp: finds long plain text behind tags, which Expat need not look at.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace grid::xml {

/// Expat looks at every byte of text twice, at two to three nanoseconds. Text that follows a tag
/// and has only printable ASCII (no markup, no reference, no `]` or `>` that could belong to `]]>`,
/// no CR to be normalized) means itself: it can be taken as it is, and Expat goes on behind it as
/// if it had not been there. Text of a payload is mostly so.
class TextRuns {
public:
    /// A shorter run costs more than it saves.
    static constexpr std::size_t run_bytes_min = 256;

    /// `bytes` begin in content, outside of any tag. Where they are not well-formed the runs mean
    /// nothing; they are right up to what Expat refuses.
    explicit TextRuns(std::string_view bytes) : bytes_(bytes) {}
    /// The next run, nothing when there is none.
    std::optional<std::string_view> next();

private:
    bool skip_tag();

    std::string_view bytes_;
    std::size_t at_ = 0;
    bool is_over_ = false;
};

}   // namespace grid::xml
