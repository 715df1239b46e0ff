// Groups series that differ only in how they are reported, for one tile each.

import { sameName, seconds } from "../format";
import { rank } from "../standing";
import type { Condition, Standing } from "../types";

export interface Group {
  outfall: string;
  parameter: string;
  state: Condition;
  headroom: number | null;
  /** The one with the least headroom comes first. */
  series: Standing[];
  exceedances: number;
}

function worstFirst<T extends { state: Condition; headroom: number | null; parameter: string }>(a: T, b: T): number {
  const headroom = (one: T) => one.headroom ?? Number.POSITIVE_INFINITY;
  const byHeadroom = headroom(a) === headroom(b) ? 0 : headroom(a) - headroom(b);
  return rank(a.state) - rank(b.state) || byHeadroom || a.parameter.localeCompare(b.parameter);
}

export function groups(series: Standing[], outfall: string | null): Group[] {
  const byName = new Map<string, Group>();
  for (const one of series) {
    if (outfall !== null && !sameName(one.outfall, outfall)) continue;
    const key = `${one.outfall.toLowerCase()}\n${one.parameter.toLowerCase()}`;
    const group = byName.get(key) ?? { ...one, series: [], exceedances: 0 };
    group.series.push(one);
    group.exceedances += one.exceedances;
    byName.set(key, group);
  }
  for (const group of byName.values()) {
    group.series.sort(worstFirst);
    const worst = group.series[0];
    if (worst) Object.assign(group, { state: worst.state, headroom: worst.headroom });
  }
  return [...byName.values()].sort(worstFirst);
}

/** The latest exceedance among several series. */
export function lastExceedance(series: Standing[]): Standing["last_exceedance"] {
  const times = series.flatMap((one) => (one.last_exceedance === null ? [] : [one.last_exceedance]));
  return times.sort((a, b) => seconds(b) - seconds(a))[0] ?? null;
}
