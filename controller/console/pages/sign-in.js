// controller/console/pages/sign-in.js: how an administrator gets in, for a browser that cannot.
import { send } from "../lib/api.js";
import { button, h, replace } from "../lib/dom.js";

function command(text) {
    return h("pre", { tabindex: "0" }, h("code", {}, text));
}

function field(name, label, attributes) {
    return h("p", {}, h("label", { for: `sign-in-${name}` }, label),
        h("input", { id: `sign-in-${name}`, name, required: true, autocapitalize: "none",
                     spellcheck: "false", ...attributes }));
}

/// Where the server takes passwords: account, password, and the code of the second factor.
function byPassword() {
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const yes = h("button", { type: "submit", class: "primary" }, "Sign in");
    const form = h("form", { method: "dialog", "aria-label": "Sign in by password" },
        field("account", "Account", { type: "text", autocomplete: "username" }),
        field("password", "Password", { type: "password", autocomplete: "current-password" }),
        field("code", "Code of your authenticator, or a recovery code",
            { type: "text", autocomplete: "one-time-code" }),
        problem, h("div", { class: "actions" }, yes));
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        yes.disabled = true;
        problem.hidden = true;
        try {
            const { account, password, code } = form.elements;
            await send("POST", "session",
                { account: account.value, password: password.value, code: code.value });
            location.reload();
        } catch (refused) {
            problem.textContent = refused.message;
            problem.hidden = false;
            form.elements.code.value = "";
            form.elements.code.focus();
        }
        yes.disabled = false;
    });
    return h("section", { class: "sign-in" }, h("h1", { tabindex: "-1" }, "Sign in"), form);
}

/// `error` is the answer of the interface: no certificate, or not an administrator's.
export function show(place, error) {
    const isStranger = error.status === 401;
    const takesPasswords = error.code === "sign-in-required";
    replace(place, takesPasswords && byPassword(), h("section", { class: "sign-in" },
        h(takesPasswords ? "h2" : "h1", { tabindex: "-1" }, isStranger ? "Sign in with a certificate"
            : "This certificate has no role here"),
        h("p", { class: "note" }, "The server says: ", h("bdi", {}, error.message)),
        h("p", {}, "The console is for administrators, operators and auditors. Your browser shows ",
            "who you are by a client certificate, and stores nothing then."),
        h("ol", {},
            h("li", {}, "On the server’s machine, make an account an administrator’s:",
                command("gridctl --data /var/lib/gridd admin add alice@grid.example")),
            h("li", {}, "Pack the certificate for that address and its key, as your CA gave them:",
                command("openssl pkcs12 -export -in alice.crt -inkey alice.key -out alice.p12"),
                "The CA of an evaluation makes certificate, key and that file:",
                command("gridctl --data /var/lib/gridd pki client alice --out alice --pkcs12")),
            h("li", {}, "Import ", h("code", {}, "alice.p12"), " into your browser: Firefox under ",
                "Settings → Privacy & Security → Certificates, Chromium under Settings → ",
                "Privacy and security → Security → Manage certificates; on macOS and Windows into the ",
                "system’s store. ",
                "Import the CA of the server there as well, if the browser does not know it."),
            h("li", {}, "Close the browser and open this page again: it asks which certificate to ",
                "show.")),
        button("Try again", () => location.reload(), { class: "primary" })));
    place.querySelector("h1").focus();
}
