// controller/console/lib/format.js: numbers, sizes and times as people read them.
import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

export function number(value) {
    return whole.format(value);
}

/// Of a second: few digits, never "0" for what is not nothing.
export function rate(value) {
    if (value === null || Number.isNaN(value)) return "–";
    if (value === 0) return "0";
    if (value < 10) return value.toFixed(value < 1 ? 2 : 1);
    return whole.format(value);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value) {
    let unit = 0;
    let size = Number(value);
    while (size >= 1024 && unit < UNITS.length - 1) {
        size /= 1024;
        ++unit;
    }
    return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}

export function milliseconds(seconds) {
    if (seconds === null || Number.isNaN(seconds)) return "–";
    const value = seconds * 1000;
    return value < 1 ? `${(value * 1000).toFixed(0)} µs`
        : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

const STEPS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

/// 93784 → "1 day 2 hours"
export function duration(seconds) {
    let left = Math.max(0, Math.round(seconds));
    const parts = [];
    for (const [size, name] of STEPS) {
        const count = Math.floor(left / size);
        left -= count * size;
        if (count) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
        else if (parts.length) break;
        if (parts.length === 2) break;
    }
    return parts.join(" ") || "0 seconds";
}

const two = (value) => String(value).padStart(2, "0");

/// An XEP-0082 text as "2026-11-29 12:04:05"; times are UTC everywhere.
export function timeText(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) return String(text);
    return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ` +
        `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

export function time(text) {
    return h("time", { datetime: text, title: `${timeText(text)} UTC`, class: "time" },
        timeText(text));
}

/// "3 minutes ago"; the exact time is its title.
export function ago(text, now = Date.now()) {
    const seconds = (now - Date.parse(text)) / 1000;
    const [size, name] = STEPS.find(([step]) => seconds >= step) ?? [1, "second"];
    const count = Math.floor(seconds / size);
    const shown = seconds < 5 ? "just now" : `${count} ${name}${count === 1 ? "" : "s"} ago`;
    return h("time", { datetime: text, title: `${timeText(text)} UTC`, class: "time" }, shown);
}

/// Days from now until that time; negative: it has passed.
export function daysLeft(text, now = Date.now()) {
    return Math.floor((Date.parse(text) - now) / 86400000);
}

/// A hash in groups that can be compared by eye.
export function fingerprint(hex) {
    return h("code", { class: "fingerprint" }, String(hex).replace(/(.{4})(?=.)/g, "$1 "));
}
