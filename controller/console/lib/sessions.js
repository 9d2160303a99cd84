// controller/console/lib/sessions.js: sessions, wherever they are listed.
import { send } from "./api.js";
import { badge, button, h, quoted, quotedOrDash, visible } from "./dom.js";
import { ask, toast } from "./dialog.js";
import { ago, bytes, number } from "./format.js";
import { account } from "./names.js";
import { mayAbout } from "./rights.js";

/// `end(session)` asks and ends it.
export function sessionColumns(end) {
    return [
        {
            label: "Session", class: "name",
            cell: (session) => account(session.jid),
        },
        {
            label: "State",
            cell: (session) => session.state === "hibernating" ? badge("may resume", "warn")
                : badge(session.active ? "online" : "connected", session.active ? "good" : ""),
        },
        {
            label: "From",
            cell: (session) => [quotedOrDash(session.address),
                h("div", { class: "muted" }, quotedOrDash(session.transport),
                    session.member && [" at ", quoted(session.member)])],
        },
        { label: "Since", isLive: true, cell: (session) => ago(session.since) },
        {
            label: "Stanzas", class: "number",
            cell: (session) => `${number(session.stanzas_in)} in, ` +
                `${number(session.stanzas_out)} out`,
        },
        {
            label: "Queued", class: "number",
            cell: (session) => [bytes(session.outbox_bytes), session.stream_management &&
                h("div", { class: "muted" }, `${number(session.unacked)} not acknowledged`)],
        },
        {
            label: "Certificate",
            cell: (session) => session.certificate ? quotedOrDash(session.certificate.subject)
                : "password",
        },
        {
            label: "", class: "acts",
            cell: (session) => mayAbout("end-sessions", session.role) &&
                button("End…", () => end(session),
                    { "aria-label": `End ${visible(session.jid)}` }),
        },
    ];
}

export function endSession(session) {
    return ask({
        title: ["End ", quoted(session.jid)], label: "End the session", isDangerous: true,
        about: h("p", {}, "The client may log in again. Disable its account to keep it out."),
        async act() {
            await send("POST", "sessions/end", { jid: session.jid });
            toast("Ended: ", visible(session.jid));
        },
    });
}
