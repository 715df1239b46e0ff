// Two columns of numbers as people paste them: from a spreadsheet, a CSV file, or typed.

export interface Columns {
  x: number[];
  y: number[];
  /** What the columns are called, if the first line says so. */
  names: [string, string] | null;
}

/** What stands between the cells of a line. A spreadsheet gives tabs, and names of columns may hold all the others. */
function cellsOf(line: string): string[] {
  const delimiter = ["\t", ";", ","].find((one) => line.includes(one)) ?? /\s+/;
  return line.split(delimiter).map((cell) => cell.trim());
}

const isNumber = (cell: string) => cell !== "" && Number.isFinite(Number(cell));

/** Reads them; throws what is wrong, with the line. */
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
    if (wrong !== undefined) throw new Error(`Line ${index + 1}: ${wrong} is no number.`);
    found.x.push(Number(x));
    found.y.push(Number(y));
  });
  if (found.x.length === 0) throw new Error("Two columns of numbers are expected, x and y, a point on each line.");
  return found;
}
