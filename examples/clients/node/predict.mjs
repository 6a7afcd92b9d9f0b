// Answers rows with a model file, without Python: raw values in, labels and probabilities (or numbers) out.
//
//     node predict.mjs model.mlw < rows.jsonl       one JSON object a row; one a row comes back
//
// Values are decoded by the file's schema as docs/decoding.md says, but for what other ways in need: texts that hold
// numbers, and forms of dates beside ISO 8601. Exit code 0: all were answered. 2: misuse. 3: the file or a row is not usable.

import { readFileSync } from "node:fs";
import { inRow, membersOf, predict } from "./open_model.mjs";

if (process.argv.length !== 3) {
  console.error("usage: node predict.mjs MODEL < ROWS");
  process.exit(2);
}
try {
  const members = membersOf(readFileSync(process.argv[2]));
  const lines = readFileSync(0, "utf8").split("\n").filter((line) => line.trim());
  if (!lines.length) throw new Error("there is no row");
  const answers = await predict(members, lines.map((line, i) => inRow(i, () => JSON.parse(line))));
  process.stdout.write(answers.map((answer) => `${JSON.stringify(answer)}\n`).join(""));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 3;
}
