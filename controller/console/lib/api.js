// controller/console/lib/api.js: requests to /api/v1 and /metrics, and their errors.

const BASE = "/api/v1/";
const SECONDS_MAX = 30;

/// An answer that is no success; `message` is the server's own text.
export class ApiError extends Error {
    constructor(status, code, text, body = {}) {
        super(text);
        this.status = status;
        this.code = code;
        this.body = body;
    }

    /// Nobody is signed in, or the account has no role of administration. What a role may not do is
    /// refused like anything else.
    get isAboutIdentity() {
        return this.status === 401 || (this.status === 403 &&
            (this.code === "account-disabled" || this.code === "other-key" ||
             (this.code === "not-administrator" && this.body.role === "auditor")));
    }
}

// Of a sign-in by password, for changes; null: not asked for yet; "": there is none.
let csrf = "";

/// Whether the browser is signed in by password, as `status` says.
export function signedInByPassword(yes) {
    if (!yes) csrf = "";
    else if (csrf === "") csrf = null;
}

async function token() {
    if (csrf === null) csrf = (await get("session")).csrf;
    return csrf;
}

function segment(name) {
    const text = String(name);
    // A browser takes these two out of a path, however they are written.
    if (text === "" || text === "." || text === "..")
        throw new ApiError(0, "name",
            `a browser cannot ask for the name “${text}”: use gridctl`);
    try {
        return encodeURIComponent(text);
    } catch {
        throw new ApiError(0, "name", "this name is no text: half of a character is missing");
    }
}

/// path("accounts", jid, "approve"); each part is encoded.
export function path(...parts) {
    return parts.map(segment).join("/");
}

async function failure(response) {
    let body = {};
    try {
        body = await response.json();
    } catch {
        // Something between us and the server has answered.
    }
    // RFC 9457.
    const { code = "unexpected",
        detail = `the server answered with status ${response.status}` } = body ?? {};
    return new ApiError(response.status, code, detail, body);
}

async function ask(url, options, signal) {
    const limit = AbortSignal.timeout(SECONDS_MAX * 1000);
    let response;
    try {
        response = await fetch(url, {
            cache: "no-store", credentials: "same-origin", redirect: "error", ...options,
            signal: signal ? AbortSignal.any([signal, limit]) : limit,
        });
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new ApiError(0, "no-answer", "the server does not answer");
    }
    if (!response.ok) throw await failure(response);
    return response;
}

/// GET; `query` members that are empty are left out.
export async function get(where, query = {}, signal = undefined) {
    const given = Object.entries(query).filter(
        ([, value]) => value !== "" && value !== undefined && value !== null,
    );
    const asked = given.length ? "?" + new URLSearchParams(given) : "";
    return (await ask(BASE + where + asked, {}, signal)).json();
}

/// POST, PUT, PATCH, DELETE. The content type says that no other site has sent this.
export async function send(method, where, body = {}, signal = undefined) {
    const options = {
        method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    };
    const own = await token();
    if (own !== "") options.headers["X-CSRF-Token"] = own;
    if (method === "DELETE") delete options.body;
    return (await ask(BASE + where, options, signal)).json();
}

/// The text of /metrics.
export async function metricsText(signal) {
    return (await ask("/metrics", {}, signal)).text();
}

/// All pages of a list, at most `max` entries; { list, isWhole }.
export async function all(where, member, max = 1000, query = {}, signal = undefined) {
    const list = [];
    let after = "";
    do {
        const page = await get(where, { ...query, after }, signal);
        list.push(...page[member]);
        after = page.next ?? "";
    } while (after !== "" && list.length < max);
    return { list, isWhole: after === "" };
}
