// What can be compared with a limit, and how the server calls it. The page has no list of its own.

import { get } from "./api";
import { lowered } from "./format";
import type { Formula, Statistic } from "./types";

let known: Statistic[] = [];
let knownFormulas: Formula[] = [];
let loading: Promise<void> | null = null;

/** Asks for them, once. */
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

/** All of them, in the order in which people are offered them. */
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

/** By its name, with or without its number behind it. */
export function statistic(name: string): Statistic | undefined {
  const plain = name.replace(/\(.*\)$/, "");
  return known.find((one) => one.name === plain);
}

/** The label of `rolling_mean(3)`. */
export function statisticText(name: string): string {
  const [, number = "…"] = /\((.*)\)$/.exec(name) ?? [];
  return statistic(name)?.label.replace("{}", number) ?? name;
}

/** The label within a sentence. */
export function statisticWords(name: string): string {
  return lowered(statisticText(name));
}

/** Whether a value is one result by itself. */
export function isSingle(name: string): boolean {
  return name === "instant" || name === "as_reported";
}
