// controller/console/pages/sign-in.js: how an administrator gets in, for a browser that cannot.
import { button, h, replace } from "../lib/dom.js";

function command(text) {
    return h("pre", { tabindex: "0" }, h("code", {}, text));
}

/// `error` is the answer of the interface: no certificate, or not an administrator's.
export function show(place, error) {
    const isStranger = error.status === 401;
    replace(place, h("section", { class: "sign-in" },
        h("h1", { tabindex: "-1" }, isStranger ? "Sign in with a certificate"
            : "This certificate is no administrator’s"),
        h("p", { class: "note" }, "The server says: ", h("bdi", {}, error.message)),
        h("p", {}, "The console is for administrators. Your browser shows who you are by a client ",
            "certificate; there is no password to be stolen, and the browser stores nothing."),
        h("ol", {},
            h("li", {}, "On the server’s machine, make an account an administrator’s:",
                command("gridctl --data /var/lib/gridd admin add alice@grid.example")),
            h("li", {}, "Pack the certificate for that address and its key, as your CA gave them:",
                command("openssl pkcs12 -export -in alice.crt -inkey alice.key -out alice.p12"),
                "An evaluation makes both:",
                command("gridctl --data build/data pki client alice --out alice")),
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
