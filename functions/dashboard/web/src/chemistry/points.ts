// Two columns of numbers as people paste them: from a spreadsheet, a CSV file, or typed.

export interface Columns {
  x: number[];
  y: number[];
  /** What the columns are called, if the first line says so. */
  names: [string, string] | null;
}

/** Reads them; throws what is wrong, with the line. */
export function readColumns(text: string): Columns {
  const found: Columns = { x: [], y: [], names: null };
  const lines = text.split(/\r?\n/);
  lines.forEach((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const cells = line
      .trim()
      .split(/\t|;|,|\s+/)
      .map((cell) => cell.trim())
      .filter((cell) => cell !== "");
    const [x, y] = cells.map(Number);
    const [first, second] = cells;
    if (first === undefined || second === undefined || cells.length > 2) {
      throw new Error(`Line ${index + 1}: two numbers are expected, x and y.`);
    }
    if (Number.isFinite(x) && Number.isFinite(y)) {
      found.x.push(x as number);
      found.y.push(y as number);
    } else if (found.x.length === 0 && found.names === null) {
      found.names = [first, second];
    } else {
      throw new Error(`Line ${index + 1}: ${Number.isFinite(x) ? second : first} is no number.`);
    }
  });
  if (found.x.length === 0) throw new Error("Two columns of numbers are expected, x and y, a point on each line.");
  return found;
}
