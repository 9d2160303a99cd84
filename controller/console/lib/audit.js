// controller/console/lib/audit.js: records of the audit, wherever they are listed.
import { badge, h, link, quoted, quotedOrDash } from "./dom.js";
import { time } from "./format.js";
import { account } from "./names.js";

const KINDS = { allow: "good", deny: "bad", info: "" };

function about(record) {
    const parts = [];
    if (record.topic !== "") parts.push(link("topics", record.topic));
    if (record.target !== "") parts.push(quoted(record.target));
    return parts.length ? parts.map((part) => h("div", {}, part)) : quotedOrDash("");
}

function reason(record) {
    return [
        record.rule !== "" && h("div", {}, h("code", { class: "rule" }, quoted(record.rule))),
        record.detail !== "" && h("div", { class: "muted" }, quoted(record.detail)),
        record.count > 1 && h("div", { class: "muted" }, `${record.count} times`),
    ];
}

export const auditColumns = [
    { label: "Time (UTC)", class: "when", cell: (record) => time(record.time) },
    { label: "Decision", cell: (record) => badge(record.decision, KINDS[record.decision]) },
    { label: "Operation", cell: (record) => quoted(record.operation) },
    {
        label: "Actor", class: "name",
        cell: (record) => [account(record.actor),
            record.address !== "" && h("div", { class: "muted" }, quoted(record.address))],
    },
    { label: "About", cell: about },
    { label: "Rule and detail", class: "wide", cell: reason },
];
