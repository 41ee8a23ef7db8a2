// Runs cases through the browser's evaluator: reads [{condition, values}] and writes the list of answers.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modulePath] = process.argv.slice(2);
const { evaluate, paths, normalise } = await import(pathToFileURL(modulePath).href);
const { cases, environment, texts } = JSON.parse(readFileSync(0, "utf8"));
const answers = cases.map(({ condition, values }) => evaluate(condition, values, environment));
const read = cases.map(({ condition }) => [...paths(condition)].sort());
process.stdout.write(JSON.stringify({ answers, paths: read, texts: texts.map(normalise) }));
