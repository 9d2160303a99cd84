// controller/console/lib/cluster.js: the members of a cluster, and what may be asked of them.
import { send } from "./api.js";
import { ask, toast } from "./dialog.js";
import { badge, button, facts, h, quoted, visible } from "./dom.js";
import { bytes, daysLeft, duration, number, time } from "./format.js";
import { may } from "./rights.js";

const EXPIRES_SOON_DAYS = 30;
const CLOCKS_DIFFER_MS = 1000;
const LITTLE_SPACE = 2 * 1024 ** 3;

const ACTS = {
    drain: ["Drain", "Its clients go to other members, and it does not lead."],
    join: ["Take clients again", "It takes clients again, and may lead."],
    promote: ["Make it lead", "Changes wait for a moment, until it leads."],
    leave: ["Drain and stop", "Its clients go to other members, then its server stops."],
};

function act(member, name) {
    const [label, about] = ACTS[name];
    const open = async () => {
        const isDone = await ask({
            title: [label, ": ", quoted(member.name)], label, isDangerous: name === "leave",
            about: h("p", {}, about),
            act: () => send("POST", `cluster/members/${encodeURIComponent(member.name)}/${name}`),
        });
        if (isDone) toast(label, ": ", visible(member.name));
    };
    return button(`${label}…`, open, { "aria-label": `${label}: ${visible(member.name)}` });
}

function acts(member) {
    if (!may("manage-cluster")) return [];
    const names = [member.draining ? "join" : "drain"];
    if (!member.leader && member.may_lead) names.push("promote");
    names.push("leave");
    return names.flatMap((name) => [act(member, name), " "]);
}

function standing(member) {
    const is = [];
    if (member.leader) is.push(badge("leads", "good"), " ");
    if (member.draining) is.push(badge("drained", "warn"), " ");
    if (!member.self && !member.linked) is.push(badge("no connection", "bad"), " ");
    if (!member.may_lead) is.push(badge("its store takes no writes", "bad"), " ");
    if (member.self) is.push("this one ");
    return is;
}

function certificate(member) {
    if (member.certificate_expires === null) return [];
    const days = daysLeft(member.certificate_expires);
    const grade = days < 0 ? "bad" : days < EXPIRES_SOON_DAYS ? "warn" : "good";
    return [h("div", {}, "Certificate until ", time(member.certificate_expires), " ",
        badge(days < 0 ? "expired" : `${days} days`, grade))];
}

function machine(member) {
    const told = [];
    if (member.free_bytes !== null) {
        const free = `${bytes(member.free_bytes)} free`;
        told.push(member.free_bytes < LITTLE_SPACE ? badge(free, "warn") : free);
    }
    if (member.clock_ahead_ms !== null && !member.self) {
        const clock = `clock ${number(Math.abs(member.clock_ahead_ms))} ms ` +
            (member.clock_ahead_ms < 0 ? "behind" : "ahead");
        told.push(told.length > 0 ? ", " : "",
            Math.abs(member.clock_ahead_ms) >= CLOCKS_DIFFER_MS ? badge(clock, "warn") : clock);
    }
    return told.length > 0 ? [h("div", {}, told)] : [];
}

function memberFacts(member, cluster) {
    const behind = Math.max(0, cluster.known_group - member.flushed_group);
    const clients = member.clients === "" ? [] : [", clients at ",
        h("code", {}, quoted(member.clients))];
    return [quoted(member.name), [...standing(member), h("code", {}, quoted(member.address)),
        ...clients, ` ${number(behind)} groups not on disk`, ...certificate(member),
        ...machine(member), h("div", { class: "actions" }, acts(member))]];
}

function etcdFacts({ etcd, log_bytes }) {
    const room = `${bytes(etcd.bytes_in_use)} of ${bytes(etcd.bytes)} in use, of it the log ` +
        bytes(log_bytes);
    return ["etcd", etcd.full ? [badge("full: it takes no changes", "bad"), " ", room] : room];
}

/// Of `GET cluster`.
export function clusterFacts(cluster) {
    const lag = Math.max(0, cluster.known_group - cluster.applied_group);
    return facts([
        ["Cluster", quoted(cluster.name)],
        ["Leader", cluster.leader === null ? badge("none is known", "bad") : quoted(cluster.leader)],
        ["Heard from etcd", [duration(cluster.heard_ms / 1000), " ago",
            cluster.cut_off ? [" ", badge("cut off: requests are refused", "bad")] : ""]],
        etcdFacts(cluster),
        ["Behind the log", `${number(lag)} groups`],
        ["Answers that wait for all", number(cluster.waiting_answers)],
        ["Changes of the leader", number(cluster.leader_changes)],
        ["Files not here yet", `${number(cluster.files_missing)} (${bytes(cluster.files_missing_bytes)})`],
        ...cluster.members.map((member) => memberFacts(member, cluster)),
    ]);
}
