// controller/console/lib/names.js: addresses, as links to their accounts.
import { h, link, quoted, quotedOrDash } from "./dom.js";

/// "a@b/c" → "a@b"
export function bareOf(jid) {
    return jid.split("/", 1)[0];
}

/// An account's address leads to its page, and its resource stands behind it; a name that is no
/// address (a process, an unknown client) is a name.
export function account(jid) {
    const bare = bareOf(jid);
    if (!/^[^\s@]+@[^\s@]+$/.test(bare)) return quotedOrDash(jid);
    return [link("accounts", bare), jid.length > bare.length &&
        h("span", { class: "muted resource" }, "/", quoted(jid.slice(bare.length + 1)))];
}
