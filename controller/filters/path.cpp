// controller/filters/path.cpp: see path.hpp.
#include "controller/filters/path.hpp"

#include <algorithm>

#include "controller/filters/value.hpp"
#include "controller/text/text.hpp"

namespace grid::controller::filters {

namespace {

Failure bad_path(std::string text) { return {Errc::MalformedRequest, std::move(text), {}}; }

bool is_name(std::string_view name) {
    return !name.empty() && std::ranges::none_of(name, [](char c) {
        return std::string_view(" \t\r\n/@[]()='\"|*<>&").find(c) != std::string_view::npos;
    });
}

/// `name[@key='value']` → the parts behind the name.
bool take_condition(Step& step, std::string_view text) {
    if (!text.starts_with("[@") || !text.ends_with("']")) return false;
    text = text.substr(2, text.size() - 4);
    const std::size_t equals = text.find("='");
    if (equals == std::string_view::npos) return false;
    step.with_attribute = text.substr(0, equals);
    step.with_value = text.substr(equals + 2);
    return is_name(step.with_attribute) && step.with_value.find('\'') == std::string::npos;
}

Outcome<Step> read_step(std::string_view text) {
    Step step;
    if (text.starts_with('@')) {
        step.is_attribute = true;
        step.name = text.substr(1);
        if (is_name(step.name)) return step;
        return bad_path("@ is followed by a name");
    }
    const std::size_t bracket = std::min(text.find('['), text.size());
    step.name = text.substr(0, bracket);
    if (step.name != "*" && !is_name(step.name))
        return bad_path("'" + std::string(text) + "' is no step of a path");
    if (bracket < text.size() && !take_condition(step, text.substr(bracket)))
        return bad_path("a condition is [@name='text']");
    return step;
}

/// Up to the next "/" that is not within a condition.
std::string_view step_text(std::string_view text) {
    bool is_quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\'') is_quoted = !is_quoted;
        if (text[at] == '/' && !is_quoted) return text.substr(0, at);
    }
    return text;
}

Outcome<std::vector<Step>> read_steps(std::string_view text) {
    std::vector<Step> steps;
    bool is_anywhere = text.starts_with("//"), has_anywhere = false, is_at_end = false;
    if (text.starts_with('/'))
        text.remove_prefix(is_anywhere ? 2 : 1);
    else
        steps.push_back({false, false, "*", {}, {}});   // the payload's root, of any name
    while (true) {
        const std::string_view part = step_text(text);
        text.remove_prefix(part.size());
        if (is_at_end) return bad_path("nothing follows @name or text()");
        if (part == "text()" && !steps.empty() && !is_anywhere) {
            is_at_end = true;
        } else {
            auto step = read_step(part);
            if (!step) return step.error();
            if (is_anywhere && has_anywhere) return bad_path("a path has at most one //");
            step->is_anywhere = is_anywhere;
            has_anywhere = has_anywhere || is_anywhere;
            is_at_end = step->is_attribute;
            steps.push_back(std::move(*step));
        }
        if (text.empty()) break;
        is_anywhere = text.starts_with("//");
        text.remove_prefix(is_anywhere ? 2 : 1);
    }
    if (steps.size() <= steps_max) return steps;
    return bad_path("a path has at most " + std::to_string(steps_max) + " steps");
}

std::string_view local(std::string_view name) {
    const std::size_t colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

const std::string* find_attribute(const xml::Element& element, std::string_view name) {
    for (const xml::Attr& attr : element.attrs())
        if (attr.name == name || local(attr.name) == name) return &attr.value;
    return nullptr;
}

class Search {
public:
    explicit Search(const std::vector<Step>& steps, Found& found) : steps_(steps), found_(found) {}
    /// `element` stands where step `at` looks.
    void visit(const xml::Element& element, std::size_t at);

private:
    bool is_match(const xml::Element& element, const Step& step) const;
    void descend(const xml::Element& element, std::size_t at);
    void take(std::string_view text);

    const std::vector<Step>& steps_;
    Found& found_;
    std::size_t visited_ = 0;
};

bool Search::is_match(const xml::Element& element, const Step& step) const {
    if (step.name != "*" && element.name() != step.name) return false;
    if (step.with_attribute.empty()) return true;
    const std::string* value = find_attribute(element, step.with_attribute);
    return value != nullptr && *value == step.with_value;
}

void Search::take(std::string_view text) {
    if (found_.texts.size() == found_max) {
        found_.is_cut = true;
        return;
    }
    found_.texts.push_back(trimmed(text));
}

void Search::visit(const xml::Element& element, std::size_t at) {
    if (found_.is_cut || ++visited_ > visited_max) {
        found_.is_cut = true;
        return;
    }
    const Step& step = steps_[at];
    // Attributes are looked for at the element that the step before found; `//@a` at all.
    if (step.is_attribute) {
        if (const std::string* value = find_attribute(element, step.name)) take(*value);
    } else if (is_match(element, step)) {
        if (at + 1 == steps_.size())
            take(element.text());
        else
            descend(element, at + 1);
    }
    if (!step.is_anywhere) return;
    for (const xml::Element& node : element.nodes())
        if (!node.is_text()) visit(node, at);
}

void Search::descend(const xml::Element& element, std::size_t at) {
    if (steps_[at].is_attribute && !steps_[at].is_anywhere) return visit(element, at);
    for (const xml::Element& node : element.nodes())
        if (!node.is_text()) visit(node, at);
}

}   // namespace

Outcome<Path> parse_path(std::string_view text) {
    if (text.size() > path_bytes_max)
        return bad_path("a path has at most " + std::to_string(path_bytes_max) + " characters");
    Path path;
    while (true) {
        bool is_quoted = false;
        std::size_t end = 0;
        for (; end < text.size() && (is_quoted || text[end] != '|'); ++end)
            if (text[end] == '\'') is_quoted = !is_quoted;
        const std::string one = trimmed(text.substr(0, end));
        if (one.empty()) return bad_path("a path is empty");
        auto steps = read_steps(one);
        if (!steps) return steps.error();
        path.push_back(std::move(*steps));
        if (path.size() > alternatives_max)
            return bad_path("at most " + std::to_string(alternatives_max) + " paths");
        if (end == text.size()) return path;
        text.remove_prefix(end + 1);
    }
}

std::string default_path(std::string_view name) {
    const std::string local_name(local(name));
    return "//" + local_name + " | //@" + local_name;
}

Found find_in(const xml::Element& payload, const Path& path) {
    Found found;
    for (const auto& steps : path) Search(steps, found).visit(payload, 0);
    return found;
}

}   // namespace grid::controller::filters
