// Compares the limits of two versions of a permit.

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
 * What a limit and its successor have in common, the closest match first. Limits have no names; a person would say that
 * one was changed, not that it was removed and another added.
 */
const ALIKE: readonly (readonly Part[])[] = [
  ["parameter", "outfall", "statistic", "direction", "unit", "months", "value"],
  ["parameter", "outfall", "statistic", "direction", "unit", "months"],
  ["parameter", "outfall", "statistic", "direction", "months"],
  ["parameter", "outfall", "statistic", "direction"],
  ["parameter", "outfall", "direction"],
  ["parameter", "statistic", "direction"],
];

/**
 * Changed and removed limits, in the order of `before`, and then the added ones. The order of limits has no meaning.
 */
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
  // Names ignore case.
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
