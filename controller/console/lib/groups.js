// controller/console/lib/groups.js: groups of an account, chosen in a form.
import { all } from "./api.js";
import { h, quoted } from "./dom.js";

const SHOWN_MAX = 200;
const ROLES = new Set(["administrators", "operators", "auditors"]);

/// A set of fields: the groups that there are, with those of `chosen` ticked, and room for others.
/// `isWithoutRoles`: none that gives a role of administration.
export async function groupFields(chosen, signal, isWithoutRoles = false) {
    const { list } = await all("groups", "groups", SHOWN_MAX, {}, signal);
    const names = [...new Set([...chosen, ...list.map(({ name }) => name)])]
        .filter((name) => name !== "everyone" && !(isWithoutRoles && ROLES.has(name))).sort();
    return h("fieldset", {}, h("legend", {}, "Groups"),
        h("div", { class: "choices" }, names.map((name) =>
            h("label", {},
                h("input", { type: "checkbox", name: "group", value: name,
                    checked: chosen.includes(name) }),
                quoted(name)))),
        h("label", { class: "stacked" }, "Others, separated by commas",
            h("input", { name: "other_groups", autocomplete: "off", autocapitalize: "none" })));
}

export function chosenGroups(form) {
    const ticked = [...form.querySelectorAll("input[name=group]:checked")]
        .map(({ value }) => value);
    const others = form.elements.other_groups.value.split(",").map((name) => name.trim());
    return [...new Set([...ticked, ...others.filter((name) => name !== "")])];
}
