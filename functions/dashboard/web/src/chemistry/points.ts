// Two columns of numbers as people enter them: typed, or pasted from a spreadsheet or a CSV file.

export interface Columns {
  x: number[];
  y: number[];
  /** The names of the columns, if the first line has them. */
  names: [string, string] | null;
}

/** The separator of a line's cells. Spreadsheets use tabs, and names of columns may contain all the others. */
function cellsOf(line: string): string[] {
  const delimiter = ["\t", ";", ","].find((one) => line.includes(one)) ?? /\s+/;
  return line.split(delimiter).map((cell) => cell.trim());
}

const isNumber = (cell: string) => cell !== "" && Number.isFinite(Number(cell));

/** Parses the text; throws what is wrong, with its line. */
export function readColumns(text: string): Columns {
  const found: Columns = { x: [], y: [], names: null };
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) return;
    const [x, y, ...more] = cellsOf(line);
    if (!x || !y || more.length > 0) throw new Error(`Line ${index + 1}: two numbers are expected, x and y.`);
    const isFirst = found.x.length === 0 && found.names === null;
    if (isFirst && !isNumber(x) && !isNumber(y)) {
      found.names = [x, y];
      return;
    }
    const wrong = [x, y].find((cell) => !isNumber(cell));
    if (wrong !== undefined) throw new Error(`Line ${index + 1}: ${wrong} is not a number.`);
    found.x.push(Number(x));
    found.y.push(Number(y));
  });
  if (found.x.length === 0) throw new Error("Two columns of numbers are expected, x and y, a point on each line.");
  return found;
}
