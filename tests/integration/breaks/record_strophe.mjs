// tests/integration/breaks/record_strophe.mjs: what a client on strophe.js says, hears and prints,
// into the file $RECORD.
//
//     RECORD=FILE node --import record_strophe.mjs …/client.mjs …
//
// A line each: seconds, "connect", "in", "out" or "prints", and the text; `in` with the count of
// stanzas that it had before (XEP-0198).
import { openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const library = join(dirname(process.argv[1]), "node_modules/strophe.js/dist/strophe.node.esm.js");
const { Strophe } = await import(pathToFileURL(library).href);
const file = openSync(process.env.RECORD, "w");
const note = (what, text) =>
    writeSync(file, `${(Date.now() / 1000).toFixed(3)} ${what} ${text.replaceAll("\n", " ")}\n`);

const print = console.log;
console.log = (...words) => {
    note("prints", words.join(" "));
    print(...words);
};
const { connect } = Strophe.Connection.prototype;
Strophe.Connection.prototype.connect = function (...how) {
    note("connect", "");
    this.rawInput = (text) => note("in", `${this.sm.state.hIn} ${text}`);
    this.rawOutput = (text) => note("out", text);
    return connect.apply(this, how);
};
