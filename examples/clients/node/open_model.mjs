// Opens a .mlw file without Python: reads the stored ZIP, checks every digest, runs the graph on the samples that
// the file carries, and compares with the answers that it carries.
//
//     ONNXRUNTIME_NODE_INSTALL=skip npm ci      (the package holds the CPU library; nothing more is fetched)
//     node open_model.mjs model.mlw
//
// Exit code 0: every sample is reproduced. 1: one is not. 3: the file cannot be opened.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";

const TOLERANCE = 1e-9;

/** The members of a .mlw file by name. Its ZIP is canonical: members stored one after the other, nothing compressed. */
export function membersOf(file) {
  const members = new Map();
  let at = 0;
  while (at + 30 <= file.length && file.readUInt32LE(at) === 0x04034b50) {
    const method = file.readUInt16LE(at + 8);
    const size = file.readUInt32LE(at + 18);
    const nameSize = file.readUInt16LE(at + 26);
    const start = at + 30 + nameSize;
    const name = file.toString("utf8", at + 30, start);
    if (method !== 0 || start + size > file.length) throw new Error(`the member ${name} is damaged`);
    members.set(name, file.subarray(start, start + size));
    at = start + size;
  }
  if (!members.has("manifest.json")) throw new Error("this is no model file, or only its beginning");
  const manifest = JSON.parse(members.get("manifest.json"));
  for (const [name, digest] of Object.entries(manifest.members)) {
    const found = createHash("sha256").update(members.get(name)).digest("hex");
    if (found !== digest) throw new Error(`the bytes of ${name} differ from their digest`);
  }
  return members;
}

const isNumberKind = (column) => ["numeric", "boolean", "datetime"].includes(column.kind);
const GIVEN = ["feature", "time", "exposure", undefined];

/** The columns that the graph is given, in the schema's order. */
export function featuresOf(schema) {
  return schema.columns.filter((c) => GIVEN.includes(c.role) && c.kind !== "id" && !c.unused);
}

/** One value as the double or the text that the graph is given; missing is NaN or "". Throws for what it cannot be. */
export function decode(column, value) {
  const text = typeof value === "string" ? value.normalize("NFC").trim() : value;
  const missing = text === null || text === "" || isMarker(column, text);
  if (!isNumberKind(column)) return missing ? "" : category(column, text);
  if (missing) return NaN;
  const decoded = { numeric: number, boolean: truth, datetime: seconds }[column.kind](text, column);
  if (decoded === undefined) throw new Error(`'${column.name}': ${JSON.stringify(value)} is not ${column.kind}`);
  return decoded;
}

/** Whether it is one of the column's own marks of what is missing, which stand for numbers too: "-999" and -999. */
function isMarker(column, value) {
  const markers = column.missing ?? [];
  if (typeof value === "number") return markers.some((m) => m.trim() !== "" && Number(m) === value);
  return markers.includes(value);
}

const number = (value) => (Number.isFinite(value) ? value : undefined);

function truth(value, column) {
  if (typeof value === "boolean" || value === 0 || value === 1) return Number(value);
  if (typeof value !== "string") return undefined;
  const said = value.toLowerCase();
  if (said === "true" || (column.true ?? []).includes(said)) return 1;
  return said === "false" || (column.false ?? []).includes(said) ? 0 : undefined;
}

/** 7, 7.0 and (among codes) "7.0" are one category: "7". */
function category(column, value) {
  if (/\p{Surrogate}/u.test(value)) throw new Error(`'${column.name}' holds half a character`);
  if (column.codes && /^-?(0|[1-9]\d*)(\.0*)?$/.test(value)) return String(value).split(".")[0].replace(/^-0$/, "0");
  return String(value);
}

/** Seconds since 1970; a time without a zone is UTC. Counted in microseconds, which are whole, and divided once. */
function seconds(text) {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (match === null) return undefined;
  const [, day, time = "00:00", second = "00", fraction = "0", zone = "Z"] = match;
  const whole = Date.parse(`${day}T${time}:${second}${zone}`);
  return Number.isNaN(whole) ? undefined : (whole * 1000 + Number(fraction.padEnd(6, "0"))) / 1e6;
}

/** The graph's inputs for `rows`: all numbers as one double tensor, all texts as one string tensor. */
export function tensorsOf(schema, rows) {
  const features = featuresOf(schema);
  const numbers = features.filter(isNumberKind);
  const strings = features.filter((c) => !isNumberKind(c));
  const values = (columns) => rows.flatMap((row, i) => inRow(i, () => columns.map((c) => decode(c, valueOf(row, c)))));
  const feeds = {};
  if (numbers.length) {
    feeds.numbers = new ort.Tensor("float64", Float64Array.from(values(numbers)), [rows.length, numbers.length]);
  }
  if (strings.length) feeds.strings = new ort.Tensor("string", values(strings), [rows.length, strings.length]);
  return feeds;
}

/** What `work` gives; where it fails, the row is named, counted from 0. */
export function inRow(index, work) {
  try {
    return work();
  } catch (error) {
    throw new Error(`row ${index}, ${error.message}`);
  }
}

/** An absent key is not null: it is an error, unless the column is optional. */
function valueOf(row, column) {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw new Error("which is not an object");
  if (!(column.name in row) && !column.optional) throw new Error(`'${column.name}' is absent`);
  return row[column.name] ?? null;
}

/** Answers `rows`: of classes a label and the probability of each, of numbers a prediction. */
export async function predict(members, rows) {
  const { target, ...schema } = JSON.parse(members.get("schema.json"));
  const session = await ort.InferenceSession.create(members.get("model.onnx"));
  const wanted = ["probability", "label", "prediction"].filter((name) => session.outputNames.includes(name));
  const outputs = await session.run(tensorsOf(schema, rows), wanted);
  if (outputs.prediction) return Array.from(outputs.prediction.data, (prediction) => ({ prediction }));
  const { data } = outputs.probability;
  const k = target.classes.length;
  return rows.map((_, i) => ({
    label: labelOf(target, outputs.label.data[i]),
    probability: Object.fromEntries(target.classes.map((name, j) => [name, data[i * k + j]])),
  }));
}

/** onnxruntime-node gives booleans as 0 and 1, and whole numbers as BigInt. */
function labelOf(target, label) {
  return { integer: Number, boolean: Boolean, text: String }[target.label_type ?? "text"](label);
}

/** Runs the samples; returns how many rows there are and the largest difference of any number. */
export async function reproduce(members) {
  const schema = JSON.parse(members.get("schema.json"));
  const samples = JSON.parse(members.get("samples.json"));
  const session = await ort.InferenceSession.create(members.get("model.onnx"));
  const outputs = await session.run(tensorsOf(schema, samples.rows));
  let largest = 0;
  let labelsDiffer = 0;
  for (const [name, kept] of Object.entries(samples.outputs)) {
    const answered = Array.from(outputs[name].data);
    kept.flat().forEach((expected, i) => {
      if (name === "label") labelsDiffer += String(expected) === String(normal(expected, answered[i])) ? 0 : 1;
      else largest = Math.max(largest, Math.abs(expected - answered[i]) / Math.max(1, Math.abs(expected)));
    });
  }
  return { rows: samples.rows.length, largest, labelsDiffer };
}

/** onnxruntime-node gives booleans as 0 and 1, and whole numbers as BigInt. */
function normal(expected, answered) {
  return typeof expected === "boolean" ? Boolean(answered) : answered;
}

async function main(path) {
  let members;
  try {
    members = membersOf(readFileSync(path));
  } catch (error) {
    console.error(`error: ${error.message}\n  where: ${path}`);
    return 3;
  }
  const { rows, largest, labelsDiffer } = await reproduce(members);
  console.log(JSON.stringify({ rows, largest, labelsDiffer }));
  return largest <= TOLERANCE && labelsDiffer === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith("open_model.mjs")) {
  process.exitCode = await main(process.argv[2] ?? "model.mlw");
}
