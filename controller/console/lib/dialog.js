// controller/console/lib/dialog.js: questions before an act, and the word of what came of it.
import { button, h, put } from "./dom.js";

/// Asks; `act(form)` runs when the person says yes, and the dialog stays open with the error when
/// it fails. `true` when it was done. `fields` stand in the form, which is given to `act`.
export function ask({ title, about = [], fields = [], label, isDangerous = false, act }) {
    return new Promise((done) => {
        const problem = h("p", { class: "problem", role: "alert", hidden: true });
        const yes = h("button",
            { type: "submit", class: isDangerous ? "danger" : "primary" }, label);
        const form = h("form", { method: "dialog" },
            h("h2", { id: "dialog-title" }, title), about, fields, problem,
            h("div", { class: "actions" },
                button("Cancel", () => dialog.close()), yes));
        const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
        let isDone = false;
        form.addEventListener("submit", async (event) => {
            event.preventDefault();
            yes.disabled = true;
            problem.hidden = true;
            try {
                await act(form);
                isDone = true;
                dialog.close();
            } catch (error) {
                problem.textContent = error.message;
                problem.hidden = false;
            }
            yes.disabled = false;
        });
        dialog.addEventListener("close", () => {
            dialog.remove();
            done(isDone);
        });
        document.body.append(dialog);
        dialog.showModal();
        // An answer that cannot be taken back is not the one that Enter gives.
        const first = form.querySelector("input:not([type=hidden]), select, textarea");
        if (first) first.focus();
        else if (isDangerous) form.querySelector("button[type=button]").focus();
        else yes.focus();
    });
}

const SECONDS = 6;

/// A line that goes away by itself.
export function toast(...text) {
    const line = put(h("p", { class: "toast" }), ...text);
    document.getElementById("toasts").append(line);
    setTimeout(() => line.remove(), SECONDS * 1000);
}
