// What became of the limits of a permit between two versions of it.

import { PARTS, type Part, partText, type Written } from "./words";

export interface PartChange {
  part: Part;
  before: string;
  after: string;
}

export type Change =
  | { kind: "added" | "removed"; limit: Written }
  | { kind: "changed"; limit: Written; parts: PartChange[] };

/**
 * What a limit and what became of it have in common, the closest first. Limits have no name: that one was changed, and
 * not removed and another added, is how a person would say it.
 */
const ALIKE: readonly (readonly Part[])[] = [
  ["parameter", "outfall", "statistic", "direction", "unit", "months", "value"],
  ["parameter", "outfall", "statistic", "direction", "unit", "months"],
  ["parameter", "outfall", "statistic", "direction", "months"],
  ["parameter", "outfall", "statistic", "direction"],
  ["parameter", "outfall", "direction"],
  ["parameter", "statistic", "direction"],
];

/** What was changed and removed, in the order of `before`, and then what was added. The order of limits means nothing. */
export function compare(before: readonly Written[], after: readonly Written[]): Change[] {
  const became = new Map<Written, Written>();
  const left = new Set(after);
  const match = (key: (limit: Written) => string) => {
    const waiting = new Map<string, Written[]>();
    for (const limit of left) waiting.set(key(limit), [...(waiting.get(key(limit)) ?? []), limit]);
    for (const limit of before) {
      const found = became.has(limit) ? undefined : waiting.get(key(limit))?.shift();
      if (!found) continue;
      became.set(limit, found);
      left.delete(found);
    }
  };
  match((limit) => JSON.stringify(PARTS.map((part) => partText(limit, part))));
  // Names are the same in whatever letters.
  for (const parts of ALIKE) match((limit) => JSON.stringify(parts.map((part) => partText(limit, part).toLowerCase())));
  const changes = before.flatMap((limit): Change[] => {
    const now = became.get(limit);
    if (!now) return [{ kind: "removed", limit }];
    const parts = partsChanged(limit, now);
    return parts.length > 0 ? [{ kind: "changed", limit, parts }] : [];
  });
  return [...changes, ...[...left].map((limit): Change => ({ kind: "added", limit }))];
}

function partsChanged(before: Written, after: Written): PartChange[] {
  const all = PARTS.map((part) => ({ part, before: partText(before, part), after: partText(after, part) }));
  return all.filter((change) => change.before !== change.after);
}
