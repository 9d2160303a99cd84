// controller/console/lib/rights.js: acts that the account of this browser may do, as the server
// says.
import { button } from "./dom.js";

let acts = new Set();

/// From `status`: the names of acts in the table of roles. Whether they are others than before.
export function setRights(names) {
    const isOther = names.length !== acts.size || names.some((name) => !acts.has(name));
    acts = new Set(names);
    return isOther;
}

/// Whether the server takes that act from this account.
export function may(act) {
    return acts.has(act);
}

/// Whether it takes it about an account, or a session, of that role: those that administer are for
/// administrators alone.
export function mayAbout(act, role) {
    return may(act) && (role === "member" || may("administer"));
}

/// A button for an act; none where the act would be refused.
export function actButton(act, label, work, attributes = {}) {
    return may(act) && button(label, work, attributes);
}
