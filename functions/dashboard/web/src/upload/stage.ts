// The stage of an upload, and how it is described: in words that are announced, and in numbers that are only shown.

import type { ApiError } from "../api";
import { counted, durationText, sizeText } from "../format";
import type { IngestAnswer, Progress } from "../types";

/** The outcome of a file. */
export type Outcome =
  | { kind: "account"; answer: IngestAnswer }
  | { kind: "refused"; error: ApiError }
  /** The upload failed, which says nothing about the file. */
  | { kind: "failed"; error: unknown }
  /** The server stopped working on it while it was being stored. */
  | { kind: "interrupted" };

export interface Sent {
  sent: number;
  of: number;
}

export type Stage =
  | { stage: "queued" }
  | { stage: "packing" }
  | ({ stage: "sending"; perSecond: number | null } & Sent)
  /** The time of the next try, by this computer's clock, in milliseconds. */
  | ({ stage: "broken"; next: number } & Sent)
  /** The page was reloaded: only the user can give the file back, by choosing it again. */
  | ({ stage: "wanted" } & Sent)
  | { stage: "waiting" }
  /** In one piece: the answer comes when it is judged. */
  | { stage: "taking" }
  | { stage: "recording"; progress: Progress | null }
  | { stage: "judging"; left: number | null }
  | { stage: "over"; outcome: Outcome };

export type Tell = (stage: Stage) => void;

/** What is announced when a stage begins. */
export function stageText(stage: Stage): string {
  if (stage.stage === "over") return outcomeText(stage.outcome);
  return {
    queued: "Waiting for the files before it",
    packing: "Compressing",
    sending: "Sending",
    broken: "The connection is broken. It goes on by itself",
    wanted: "Interrupted. Choose the same file again to go on",
    waiting: "Sent. It waits for its turn on the server",
    taking: "Sent. Every row is being judged",
    recording: "Sent. The readings are being stored",
    judging: "The file is stored. Verdicts are being worked out",
  }[stage.stage];
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case "account":
      return outcome.answer.message;
    case "refused":
      return `Refused: ${outcome.error.message}`;
    case "failed":
      return `Not finished: ${outcome.error instanceof Error ? outcome.error.message : String(outcome.error)}`;
    case "interrupted":
      return "Not finished: nothing has happened to the file for a minute.";
  }
}

/** What changes all the time. */
export function measureText(stage: Stage, now = Date.now()): string {
  const parts = measures(stage, now);
  return parts.length > 0 ? ` · ${parts.join(" · ")}` : "";
}

function measures(stage: Stage, now: number): string[] {
  switch (stage.stage) {
    case "sending": {
      const { sent, of, perSecond } = stage;
      const rate = perSecond ? [`${sizeText(perSecond)}/s`, `${durationText((of - sent) / perSecond)} left`] : [];
      return [`${sizeText(sent)} of ${sizeText(of)}`, ...rate];
    }
    case "broken":
      return [
        `${sizeText(stage.sent)} of ${sizeText(stage.of)}`,
        `next try in ${counted(Math.max(0, Math.ceil((stage.next - now) / 1000)), "second")}`,
      ];
    case "wanted":
      return [`${sizeText(stage.sent)} of ${sizeText(stage.of)} are there`];
    case "recording":
      return stage.progress?.of ? [`${sizeText(stage.progress.read)} of ${sizeText(stage.progress.of)} read`] : [];
    case "judging":
      return stage.left ? [`${counted(stage.left, "series", "series")} left`] : [];
    default:
      return [];
  }
}

/** The legs of a file's way, in order. */
export const LEGS = ["Sending", "Recording", "Judging"] as const;

/** How much of each leg is done, from 0 to 1. Null: in progress, but nobody knows how far. */
export function legs(stage: Stage): (number | null)[] {
  const share = (done: number, of: number) => (of > 0 ? Math.min(done / of, 1) : 0);
  switch (stage.stage) {
    case "queued":
      return [0, 0, 0];
    case "packing":
      return [null, 0, 0];
    case "sending":
    case "broken":
    case "wanted":
      return [share(stage.sent, stage.of), 0, 0];
    case "waiting":
      return [1, 0, 0];
    case "taking":
      return [1, null, 0];
    case "recording":
      return [1, stage.progress ? share(stage.progress.read, stage.progress.of) : null, 0];
    case "judging":
      return [1, 1, null];
    case "over":
      return [1, 1, 1];
  }
}

/** Whether the file is still being sent from this computer, or about to be. */
export function isSending({ stage }: Stage): boolean {
  return stage === "queued" || stage === "packing" || stage === "sending" || stage === "broken";
}
