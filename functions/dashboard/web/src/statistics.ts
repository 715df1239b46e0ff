// The statistics, by the server's names. The page has no list of its own.

import { get } from "./api";
import { lowered } from "./format";
import type { Formula, Statistic } from "./types";

let known: Statistic[] = [];
let knownFormulas: Formula[] = [];
let loading: Promise<void> | null = null;

/** Loads them, once. */
export function loadStatistics(): Promise<void> {
  loading ??= get<{ statistics: Statistic[]; formulas: Formula[] }>("/api/statistics").then(
    (answer) => {
      known = answer.statistics;
      knownFormulas = answer.formulas;
    },
    (error) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

/** All statistics, in the order in which they are offered. */
export function statistics(): readonly Statistic[] {
  return known;
}

export function formulas(): readonly Formula[] {
  return knownFormulas;
}

/** By its id. */
export function formula(id: string): Formula | undefined {
  return knownFormulas.find((one) => one.id === id);
}

/** By its name, with or without its number. */
export function statistic(name: string): Statistic | undefined {
  const plain = name.replace(/\(.*\)$/, "");
  return known.find((one) => one.name === plain);
}

/** The label of `rolling_mean(3)`. */
export function statisticText(name: string): string {
  const [, number = "…"] = /\((.*)\)$/.exec(name) ?? [];
  return statistic(name)?.label.replace("{}", number) ?? name;
}

/** The label, for use within a sentence. */
export function statisticWords(name: string): string {
  return lowered(statisticText(name));
}

/** Whether a value is a single result. */
export function isSingle(name: string): boolean {
  return name === "instant" || name === "as_reported";
}
