// Reads the pages and the text of PDFs made by Chromium (Skia/PDF): plain objects, compressed streams, text as glyphs
// with a mapping. A general PDF library would be larger than the rest of the tests.
import { inflateSync } from "node:zlib";

export interface Page {
  /** Its text without white space: the ends of words depend on distances. */
  text: string;
  /** In points. */
  width: number;
  height: number;
}

/** The pages of a PDF that Chromium printed. */
export function pages(pdf: Buffer): Page[] {
  const file = pdf.toString("latin1");
  if (!file.startsWith("%PDF-")) throw new Error(`no PDF: it begins with ${JSON.stringify(file.slice(0, 8))}`);
  const objects = new Map([...file.matchAll(/(?<=^|\n)(\d+) 0 obj\n/g)].map((at) => [at[1], at.index + at[0].length]));
  const read = (id: string | undefined) => {
    const start = objects.get(id ?? "");
    if (start === undefined) throw new Error(`no object ${id}`);
    const object = file.slice(start, file.indexOf("endobj", start));
    const body = file.indexOf("stream\n", start) + "stream\n".length;
    const packed = object.match(/\/Length (\d+)>> stream/)?.[1];
    return packed
      ? inflateSync(Buffer.from(file.slice(body, body + Number(packed)), "latin1")).toString("latin1")
      : object;
  };
  const order = [...file.matchAll(/\/Kids \[([^\]]*)\]/g)].flatMap(([, kids]) => kids?.match(/\d+(?= 0 R)/g) ?? []);
  return order
    .map(read)
    .filter((object) => /\/Type \/Page\b/.test(object))
    .map((object) => page(object, read));
}

function page(object: string, read: (id: string | undefined) => string): Page {
  const [, width, height] = object.match(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/) ?? [];
  const fonts = new Map(
    [...object.matchAll(/\/(F\d+) (\d+) 0 R/g)].map(([, name, id]) => {
      const meaning = read(id).match(/\/ToUnicode (\d+) 0 R/)?.[1];
      return [name, meaning ? glyphs(read(meaning)) : new Map<string, string>()];
    }),
  );
  let text = "";
  let font = new Map<string, string>();
  const content = read(object.match(/\/Contents (\d+) 0 R/)?.[1]);
  for (const [, chosen, shown] of content.matchAll(/\/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>/g)) {
    if (chosen) font = fonts.get(chosen) ?? new Map();
    for (const glyph of shown?.match(/.{4}/g) ?? []) text += font.get(glyph.toUpperCase()) ?? "";
  }
  return { text: text.replaceAll(/\s/g, ""), width: Number(width), height: Number(height) };
}

/** The mapping of a font's glyphs: lines `<glyph> <text>`, and `<first> <last> <text>` for ranges. */
function glyphs(table: string): Map<string, string> {
  const found = new Map<string, string>();
  const decode = (hex: string) => Buffer.from(hex, "hex").swap16().toString("utf16le");
  for (const [, first = "", second = "", third] of table.matchAll(/^<(\w{4})> <(\w+)>(?: <(\w+)>)?$/gm)) {
    const [from, to] = [Number.parseInt(first, 16), Number.parseInt(third ? second : first, 16)];
    const text = decode(third ?? second);
    for (let glyph = from; glyph <= to; glyph++) {
      const last = text.charCodeAt(text.length - 1) + glyph - from;
      found.set(glyph.toString(16).toUpperCase().padStart(4, "0"), text.slice(0, -1) + String.fromCharCode(last));
    }
  }
  return found;
}
